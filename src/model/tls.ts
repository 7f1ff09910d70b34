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
}

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
}
