// One access record: what is known of an exchange when it has ended.

export interface AccessRecord {
  /** Milliseconds since 1970, at the end. */
  readonly time: number;
  readonly id: string;
  readonly client: string;
  readonly listener: string;
  /** A token, so that it can be written as it stands; '' where the request had none. */
  readonly method: string;
  readonly scheme: string;
  readonly authority: string;
  readonly path: string;
  readonly query: string;
  readonly version: string;
  readonly status: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly durationMs: number;
  /** Until the endpoint's response head; -1 without one. */
  readonly firstByteMs: number;
  readonly route: string;
  readonly upstream: string;
  readonly endpoint: string;
  readonly attempts: number;
  /** Name of the status of a call of gRPC; '' for anything else. */
  readonly grpcStatus: string;
  /** How far it came before it was ended; `done` when it was completed. */
  readonly phase: string;
  /** Who ended it early: `client`, `origin`, `self`; '' when it was completed. */
  readonly endedBy: string;
  readonly error: string;
  readonly reason: string;
  readonly policy: string;
  readonly consumer: string;
  readonly referer: string;
  readonly userAgent: string;
  /** Of connections with TLS that ends here. */
  readonly tls: TlsRecord | undefined;
  /** Of connections and sessions that were passed on as they are. */
  readonly passage: PassageRecord | undefined;
  /** Of connections that were upgraded. */
  readonly tunnel: TunnelRecord | undefined;
}

/** What is known of an upgraded connection. */
export interface TunnelRecord {
  /** What ended it; '' when that was an error. */
  readonly closedBy: string;
  /** Of a WebSocket that was looked at: its whole messages, and the code that it was closed with. */
  readonly messages:
    | { readonly messagesReceived: number; readonly messagesSent: number; readonly closeCode: number }
    | undefined;
}

/** What a TLS handshake has agreed on; '' for nothing. */
export interface TlsRecord {
  readonly version: string;
  readonly cipher: string;
  readonly serverName: string;
  readonly alpn: string;
  readonly resumed: boolean;
  /** `undefined` without a certificate of the client that was accepted. */
  readonly client: { readonly subject: string; readonly fingerprint: string } | undefined;
}

/** What is known of a TCP connection or a UDP session beside what every exchange has. */
export interface PassageRecord {
  /** What its first bytes were, the name that a TLS client has asked for, the protocols it offers; `undefined` when nobody looked. */
  readonly first: { readonly protocol: string; readonly sni: string; readonly alpn: readonly string[] } | undefined;
  /** What ended it; '' when that was an error. */
  readonly closedBy: string;
  /** -1 where there are none. */
  readonly datagramsReceived: number;
  readonly datagramsSent: number;
}
