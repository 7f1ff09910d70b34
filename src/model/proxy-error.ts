// Everything that can go wrong with an exchange, as one error type and one table. The table makes the answer, the
// Proxy-Status field and the reference page.

/** Who caused it. */
export type Side = 'client' | 'origin' | 'self';

/** Whether another attempt is safe: never, only for idempotent requests, or always because nothing was sent. */
export type Retryable = 'never' | 'idempotent' | 'always';

interface ErrorKind {
  readonly side: Side;
  readonly status: number;
  readonly retryable: Retryable;
  /** What a client may know: one sentence. */
  readonly detail: string;
}

/**
 * Codes with underscores are registered proxy error types (RFC 9209 2.3), and only they go into Proxy-Status as `error`;
 * those with hyphens are our own.
 */
export const ERROR_KINDS = {
  // the endpoint's side
  connection_refused: {
    side: 'origin',
    status: 502,
    retryable: 'always',
    detail: 'The origin refused the connection.',
  },
  connection_timeout: {
    side: 'origin',
    status: 504,
    retryable: 'always',
    detail: 'The origin did not accept a connection in time.',
  },
  connection_terminated: {
    side: 'origin',
    status: 502,
    retryable: 'idempotent',
    detail: 'The origin closed the connection before it answered.',
  },
  connection_read_timeout: {
    side: 'origin',
    status: 504,
    retryable: 'idempotent',
    detail: 'The origin did not answer in time.',
  },
  connection_write_timeout: {
    side: 'origin',
    status: 504,
    retryable: 'idempotent',
    detail: 'The origin did not take the request in time.',
  },
  connection_limit_reached: {
    side: 'self',
    status: 503,
    retryable: 'never',
    detail: 'All connections to the origin are in use.',
  },
  destination_ip_unroutable: {
    side: 'origin',
    status: 502,
    retryable: 'always',
    detail: 'The origin cannot be reached.',
  },
  destination_unavailable: {
    side: 'self',
    status: 503,
    retryable: 'never',
    detail: 'No endpoint of the upstream is available.',
  },
  'circuit-open': {
    side: 'self',
    status: 503,
    retryable: 'never',
    detail: 'The upstream fails too often and gets no requests for a while.',
  },
  'upstream-full': {
    side: 'self',
    status: 503,
    retryable: 'never',
    detail: 'The upstream has as many requests as it can take.',
  },
  overloaded: { side: 'self', status: 503, retryable: 'never', detail: 'The gateway has more to do than it can.' },
  'session-unavailable': {
    side: 'self',
    status: 503,
    retryable: 'never',
    detail: 'The endpoint that holds the session is not available.',
  },
  'call-too-long': {
    side: 'self',
    status: 504,
    retryable: 'never',
    detail: 'The call has lasted for as long as it may.',
  },
  'upstream-waking': {
    side: 'self',
    status: 503,
    retryable: 'never',
    detail: 'The upstream is being started.',
  },
  dns_error: { side: 'origin', status: 502, retryable: 'never', detail: 'The name of the origin does not resolve.' },
  tls_protocol_error: {
    side: 'origin',
    status: 502,
    retryable: 'always',
    detail: 'The TLS handshake with the origin failed.',
  },
  tls_certificate_error: {
    side: 'origin',
    status: 502,
    retryable: 'always',
    detail: 'The certificate of the origin is not accepted.',
  },
  tls_alert_received: {
    side: 'origin',
    status: 502,
    retryable: 'always',
    detail: 'The origin ended the TLS handshake with an alert.',
  },
  http_response_incomplete: {
    side: 'origin',
    status: 502,
    retryable: 'idempotent',
    detail: 'The origin closed the connection within its response.',
  },
  http_response_header_section_size: {
    side: 'origin',
    status: 502,
    retryable: 'never',
    detail: 'The response head of the origin is too large.',
  },
  http_protocol_error: {
    side: 'origin',
    status: 502,
    retryable: 'never',
    detail: 'The response of the origin is not valid HTTP.',
  },
  http_upgrade_failed: {
    side: 'origin',
    status: 502,
    retryable: 'never',
    detail: 'The origin switched to a protocol nobody asked for.',
  },
  http_response_timeout: {
    side: 'origin',
    status: 504,
    retryable: 'never',
    detail: 'The origin stopped in the middle of its response.',
  },
  proxy_internal_error: { side: 'self', status: 500, retryable: 'never', detail: 'The gateway failed.' },
  proxy_loop_detected: {
    side: 'client',
    status: 508,
    retryable: 'never',
    detail: 'The request has passed this gateway too often.',
  },
  // the client's side
  http_request_error: { side: 'client', status: 400, retryable: 'never', detail: 'The request is not valid HTTP.' },
  http_request_denied: { side: 'self', status: 403, retryable: 'never', detail: 'The request is not allowed.' },
  'request-head-too-large': {
    side: 'client',
    status: 431,
    retryable: 'never',
    detail: 'The request head is too large.',
  },
  'request-target-too-long': {
    side: 'client',
    status: 414,
    retryable: 'never',
    detail: 'The request target is too long.',
  },
  'request-head-timeout': {
    side: 'client',
    status: 408,
    retryable: 'never',
    detail: 'The request head took too long.',
  },
  'request-body-timeout': {
    side: 'client',
    status: 408,
    retryable: 'never',
    detail: 'The request content stopped coming.',
  },
  'request-body-too-large': {
    side: 'client',
    status: 413,
    retryable: 'never',
    detail: 'The request content is too large.',
  },
  'proxy-header-invalid': {
    side: 'client',
    status: 400,
    retryable: 'never',
    detail: 'The PROXY protocol header is missing or not valid.',
  },
  'proxy-header-untrusted': {
    side: 'client',
    status: 403,
    retryable: 'never',
    detail: 'This address may not send a PROXY protocol header.',
  },
  'tls-hello-invalid': {
    side: 'client',
    status: 400,
    retryable: 'never',
    detail: 'The TLS ClientHello is not valid, or not whole.',
  },
  'tls-handshake-failed': {
    side: 'client',
    status: 400,
    retryable: 'never',
    detail: 'The TLS handshake failed.',
  },
  misdirected: {
    side: 'client',
    status: 421,
    retryable: 'never',
    detail: 'The connection was not made for this host.',
  },
  'client-certificate-refused': {
    side: 'client',
    status: 403,
    retryable: 'never',
    detail: 'A client certificate that is accepted here is needed.',
  },
  'too-many-connections': { side: 'client', status: 429, retryable: 'never', detail: 'Too many connections.' },
  'expectation-failed': { side: 'client', status: 417, retryable: 'never', detail: 'The expectation cannot be met.' },
  'version-not-supported': {
    side: 'client',
    status: 505,
    retryable: 'never',
    detail: 'This version of HTTP is not spoken here.',
  },
  'method-not-allowed': {
    side: 'client',
    status: 405,
    retryable: 'never',
    detail: 'The method is not allowed for this target.',
  },
  'method-not-implemented': {
    side: 'client',
    status: 501,
    retryable: 'never',
    detail: 'The method or transfer coding is not implemented.',
  },
  'no-route': { side: 'client', status: 404, retryable: 'never', detail: 'No route matches the request.' },
  'rate-limited': { side: 'client', status: 429, retryable: 'never', detail: 'Too many requests.' },
  unauthorized: { side: 'client', status: 401, retryable: 'never', detail: 'Credentials are needed.' },
  'client-closed': { side: 'client', status: 499, retryable: 'never', detail: 'The client closed the connection.' },
  'client-stalled': { side: 'client', status: 499, retryable: 'never', detail: 'The client stopped reading.' },
  'deadline-exceeded': {
    side: 'client',
    status: 504,
    retryable: 'never',
    detail: 'The deadline of the call has passed.',
  },
  'websocket-version': {
    side: 'client',
    status: 426,
    retryable: 'never',
    detail: 'This version of the WebSocket protocol is not spoken here.',
  },
  'websocket-client-failed': {
    side: 'client',
    status: 400,
    retryable: 'never',
    detail: 'The client broke a rule of its WebSocket, or fell silent.',
  },
  'websocket-endpoint-failed': {
    side: 'origin',
    status: 502,
    retryable: 'never',
    detail: 'The origin broke a rule of its WebSocket, or fell silent.',
  },
  draining: { side: 'self', status: 503, retryable: 'never', detail: 'The gateway is shutting down.' },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERROR_KINDS;

export const ERROR_CODES = Object.keys(ERROR_KINDS) as readonly ErrorCode[];

export interface ProxyErrorOptions {
  readonly cause?: unknown;
  readonly fields?: readonly (readonly [string, string])[];
  readonly retryable?: Retryable;
  readonly stale?: boolean;
  readonly unprocessed?: boolean;
  readonly grpcStatus?: number | undefined;
}

/** A failed exchange or attempt. Made by whoever sees the failure; turned into an answer by `proxy/answer.ts` alone. */
export class ProxyError extends Error {
  readonly code: ErrorCode;
  readonly side: Side;
  readonly status: number;
  readonly retryable: Retryable;
  /** Fields the answer carries, such as Retry-After: `[name, value]` pairs. */
  readonly answerFields: readonly (readonly [string, string])[];
  /** Whether it came from a kept-alive connection that the origin had closed: another attempt is not the origin's failure. */
  readonly stale: boolean;
  /** Whether the endpoint has said that it has done nothing for the request, so that it may take it when it is asked once more. */
  readonly unprocessed: boolean;
  /** Its status for a call of gRPC, where that depends on more than the code. */
  readonly grpcStatus: number | undefined;

  /** `message` is for logs and may name what a client must not see; the client gets the kind's `detail`. */
  constructor(code: ErrorCode, message: string = ERROR_KINDS[code].detail, options: ProxyErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ProxyError';
    const kind = ERROR_KINDS[code];
    this.code = code;
    this.side = kind.side;
    this.status = kind.status;
    this.retryable = options.retryable ?? kind.retryable;
    this.answerFields = options.fields ?? [];
    this.stale = options.stale ?? false;
    this.unprocessed = options.unprocessed ?? false;
    this.grpcStatus = options.grpcStatus;
  }
}
