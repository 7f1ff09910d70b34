// A certificate with its key, as listeners use it.

export interface Certificate {
  /** SHA-256 of the leaf, in hexadecimal. */
  readonly fingerprint: string;
  /** DNS names in lower case, `*.example.com` among them, and IP addresses. */
  readonly names: readonly string[];
  readonly keyType: 'ecdsa' | 'rsa' | 'ed25519';
  /** In PEM, leaf first. */
  readonly chain: string;
  /** In PEM. */
  readonly key: string;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** OCSP response in DER. */
  readonly staple: Uint8Array | undefined;
}

/** What each listener with TLS has, by its name. */
export type ListenerCertificates = ReadonlyMap<string, readonly Certificate[]>;
