// A chain and its key in one text, so that one rename replaces both.
import type { CertificateAndKey } from './x509.ts';

const KEY = /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----[^-]+-----END (?:[A-Z]+ )?PRIVATE KEY-----\n?/;

export function joinPair({ chain, key }: CertificateAndKey): string {
  return `${key.trimEnd()}\n${chain.trimEnd()}\n`;
}

/** `undefined` when there is no key in it. */
export function splitPair(text: string): CertificateAndKey | undefined {
  const key = KEY.exec(text)?.[0];
  return key === undefined ? undefined : { key, chain: text.replace(key, '') };
}
