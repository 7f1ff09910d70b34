// A certificate with its key, as a listener presents it: plain data that can be sent to workers.

export interface Certificate {
  /** SHA-256 of the leaf, in hex. */
  readonly fingerprint: string;
  /** DNS names in lower case, `*.x` among them, and IP addresses. */
  readonly names: readonly string[];
  readonly keyType: 'ecdsa' | 'rsa' | 'ed25519';
  /** PEM, the leaf first. */
  readonly chain: string;
  readonly key: string;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** An OCSP response in DER. */
  readonly staple: Uint8Array | undefined;
}
