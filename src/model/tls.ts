// What is known of a TLS connection once its handshake is done.

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
