// What TLS of clients is: what a listener asks of handshakes, and what is known of a connection once its handshake is done.

export interface TlsFacts {
  /** Such as TLSv1.3. */
  readonly version: string;
  /** The name of the cipher suite by IANA. */
  readonly cipher: string;
  /** The protocol that was agreed on; '' when the peer offered none. */
  readonly alpn: string;
  /** The name that the client has asked for, in lower case; '' without one. */
  readonly serverName: string;
  /** Whether the session is one of a former connection. */
  readonly resumed: boolean;
  /** Who the client has proved to be; `undefined` when it has not, for whatever reason. */
  readonly client: ClientCertificate | undefined;
  /** Whether the client was asked for a certificate. */
  readonly clientAsked: boolean;
  /** Whether the certificate that the server has shown is for a host in lower case. */
  readonly covers: (host: string) => boolean;
  /** Why a certificate that the client has shown counts for nothing; '' when it has shown none, or one that counts. */
  readonly clientProblem: string;
}

/** A client's certificate that an authority of the listener vouches for. */
export interface ClientCertificate {
  /** Distinguished names (RFC 4514), in ASCII. */
  readonly subject: string;
  readonly issuer: string;
  /** '' when the subject has none. */
  readonly commonName: string;
  /** Those of subjectAltName: host names in lower case, addresses, URIs, mail addresses. */
  readonly names: readonly string[];
  /** The host names among them. */
  readonly hostNames: readonly string[];
  /** SHA-256 in lower-case hexadecimal. */
  readonly fingerprint: string;
  /** Hexadecimal. */
  readonly serialNumber: string;
  /** In DER; the certificates of its issuers behind it, as far as they were sent and are known. */
  readonly der: Uint8Array;
  readonly issuers: readonly Uint8Array[];
}

/** What a listener asks of clients. */
export interface ClientCertificateSettings {
  readonly mode: 'optional' | 'required';
  /** Patterns of the names for which clients are asked; empty for all. */
  readonly names: readonly string[];
  /** What endpoints are told. */
  readonly forward: readonly ClientField[];
}

/** What may be told of a client's certificate, each in a field of its own. */
export const CLIENT_FIELDS = {
  /** RFC 9440. */
  certificate: 'client-cert',
  chain: 'client-cert-chain',
  subject: 'client-cert-subject',
  issuer: 'client-cert-issuer',
  fingerprint: 'client-cert-fingerprint',
} as const;

export type ClientField = keyof typeof CLIENT_FIELDS;

/** Whom a listener believes to vouch for clients. */
export interface ClientAuthorities {
  /** Certificates in PEM, one an item. */
  readonly ca: readonly string[];
  /** Lists of revoked certificates in PEM, one an item. */
  readonly crl: readonly string[];
}

/** By name of the listener. */
export type ListenerAuthorities = ReadonlyMap<string, ClientAuthorities>;

/** What a listener asks of handshakes. */
export interface TlsSettings {
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  /** As OpenSSL takes them: names with colons between; the most wanted first. */
  readonly ciphers: string;
  /** The same of groups for the key exchange; `auto` for OpenSSL's own. */
  readonly groups: string;
  /** What becomes of a client that asks for a name which no certificate has. */
  readonly unknownName: 'refuse' | 'default';
  /** Whether a name that no certificate has is to be asked about, as one may be issued for it. */
  readonly onDemand: boolean;
  /** Whether clients get tickets by which they resume sessions, and for how long these are good. */
  readonly ticketLifetimeMs: number | undefined;
  /** From the connection to the end of the handshake. */
  readonly handshakeTimeoutMs: number;
  /** Protocols to offer in connections that are passed on; empty for not heeding what clients offer. */
  readonly alpn: readonly string[];
  /** `undefined` where clients are not asked for certificates. */
  readonly client: ClientCertificateSettings | undefined;
}
