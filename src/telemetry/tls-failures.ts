// The kinds of failed TLS handshakes of clients, as metrics and logs name them.

/** In the order of their cells: add to the end. */
export const HANDSHAKE_FAILURES = [
  /** What the client sends is no TLS. */
  'no-tls',
  /** A ClientHello that is not valid. */
  'hello',
  /** No certificate for the name that the client asks for. */
  'unknown-name',
  'version',
  'cipher',
  /** None of the client's application protocols is spoken here. */
  'protocol',
  /** The client has no certificate where one is required, or one that is not accepted. */
  'client-certificate',
  /** The client has ended the handshake with an alert: it does not accept the certificate, for instance. */
  'alert',
  'timeout',
  /** The client is gone. */
  'closed',
  'other',
] as const;

export type HandshakeFailure = (typeof HANDSHAKE_FAILURES)[number];

const BY_CODE: readonly (readonly [RegExp, HandshakeFailure])[] = [
  [/HTTP_REQUEST|HTTPS_PROXY|WRONG_VERSION_NUMBER|WRONG_SSL_VERSION/, 'no-tls'],
  // What OpenSSL finds wrong with certificates has codes without the prefix that its other errors get.
  [/PEER_DID_NOT_RETURN|^(?!ERR_SSL)(?!E[A-Z]+$)/, 'client-certificate'],
  [/ALERT/, 'alert'],
  [/UNSUPPORTED_PROTOCOL|VERSION_TOO_LOW|INAPPROPRIATE_FALLBACK/, 'version'],
  [/NO_SHARED_CIPHER|NO_SUITABLE|NO_SHARED_SIGNATURE|NO_SHARED_GROUP|NO_CIPHER/, 'cipher'],
  [/NO_APPLICATION_PROTOCOL/, 'protocol'],
  [/ECONNRESET|EPIPE/, 'closed'],
];

/** The kind of a failure by the code of its error. */
export function handshakeFailureOf(code: string | undefined): HandshakeFailure {
  if (code === undefined) return 'closed';
  return BY_CODE.find(([pattern]) => pattern.test(code))?.[1] ?? 'other';
}

/** A client is at fault alone, or nobody knows who it was: nothing that anybody here can mend. */
export function isNoise(kind: HandshakeFailure): boolean {
  return kind === 'no-tls' || kind === 'hello' || kind === 'timeout' || kind === 'closed' || kind === 'other';
}
