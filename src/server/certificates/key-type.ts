// The kinds of keys that certificates of ours can have.

export const KEY_TYPES = ['ecdsa-p256', 'ecdsa-p384', 'rsa-2048', 'rsa-4096'] as const;

export type KeyType = (typeof KEY_TYPES)[number];
