// What the cells of metric series mean, and how the data plane counts in them. Not for showing them: see `prometheus.ts`.
import type { Series } from '#memory/series-table.ts';
import { HANDSHAKE_FAILURES, type HandshakeFailure } from './tls-failures.ts';

/** Cells that all kinds of series share. */
export const CELL = {
  /** Exchanges by first digit of the status: 1 to 5 behind it. */
  status: 0,
  bytesReceived: 6,
  bytesSent: 7,
  /** Sum of durations in seconds; the buckets follow. */
  durationSum: 8,
  durationBuckets: 9,
  // listeners and endpoints
  connections: 26,
  connectionsActive: 27,
  // listeners
  connectionsRefused: 28,
  exchangesActive: 29,
  // upstreams and endpoints
  waiting: 30,
  // endpoints: HTTP/2
  streams: 31,
  streamsActive: 39,
  retries: 32,
  connectFailures: 33,
  noEndpoint: 34,
  hedges: 35,
  circuitRefused: 36,
  gateRefused: 37,
  // routes
  shed: 38,
  // workers
  deadlines: 40,
  loopDelayMs: 41,
  // endpoints
  attemptSuccesses: 44,
  attemptFailures: 45,
  /** Sum over successful attempts of the seconds until the response head. */
  attemptSeconds: 46,
  // listeners and endpoints: UDP
  datagramsReceived: 48,
  datagramsSent: 49,
  datagramsDropped: 50,
  // listeners: one behind the other, in the order of REFUSALS
  refusals: 52,
  // listeners: handshakes of TLS by version, of TLS 1.2 first, the resumed ones behind the whole ones of each; then those that have
  // failed, in the order of HANDSHAKE_FAILURES
  handshakes: 64,
  handshakeFailures: 68,
  // routes, in cells that other kinds of series use for something else
  messagesReceived: 44,
  messagesSent: 45,
  /** One behind the other, in the order of CLOSE_KINDS. */
  closes: 46,
  // routes and upstreams: calls of gRPC by number of their status, one behind the other
  grpcStatuses: 64,
} as const;

/** How WebSockets end: by these codes, by one of an application's or a library's, without a code, without a Close frame. */
export const CLOSE_KINDS = [
  '1000',
  '1001',
  '1002',
  '1003',
  '1007',
  '1008',
  '1009',
  '1010',
  '1011',
  '1012',
  '1013',
  '1014',
  '3xxx',
  '4xxx',
  'none',
  'abnormal',
] as const;

/** Why connections and sessions of clients are refused. */
export const REFUSALS = [
  'connections',
  'rate',
  'client-connections',
  'client-rate',
  'unmatched',
  'draining',
  'proxy-header-invalid',
  'proxy-header-untrusted',
  'tls-hello-invalid',
] as const;

export type Refusal = (typeof REFUSALS)[number];

/** Cells that count what is present: a dead worker's share of them is given back. */
export const GAUGE_CELLS: readonly number[] = [
  CELL.connectionsActive,
  CELL.exchangesActive,
  CELL.streamsActive,
  CELL.waiting,
  CELL.deadlines,
  CELL.loopDelayMs,
];

/** Upper bounds of the histogram's buckets in milliseconds; one more bucket takes the rest. */
export const BUCKET_BOUNDS_MS: readonly number[] = [
  0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000,
];

/** Counts one finished exchange. No allocation. */
export function countExchange(
  series: Series,
  status: number,
  received: number,
  sent: number,
  durationMs: number,
): void {
  add(series, CELL.status + Math.floor(status / 100), 1);
  add(series, CELL.bytesReceived, received);
  add(series, CELL.bytesSent, sent);
  add(series, CELL.durationSum, durationMs / 1000);
  let bucket = 0;
  while (bucket < BUCKET_BOUNDS_MS.length && durationMs > (BUCKET_BOUNDS_MS[bucket] as number)) bucket++;
  add(series, CELL.durationBuckets + bucket, 1);
}

/** Counts one finished call of gRPC in the series of its route or upstream. */
export function countGrpcCall(series: Series, status: number): void {
  add(series, CELL.grpcStatuses + status, 1);
}

/** Counts a connection that was opened (`change` 1) or closed (-1). */
export function countConnection(series: Series, change: 1 | -1): void {
  if (change === 1) add(series, CELL.connections, 1);
  add(series, CELL.connectionsActive, change);
}

/** Counts a stream that was opened (`change` 1) or has ended (-1). */
export function countStream(series: Series, change: 1 | -1): void {
  if (change === 1) add(series, CELL.streams, 1);
  add(series, CELL.streamsActive, change);
}

/** Counts a connection, or a datagram that would begin a session, that was not taken. */
export function countRefusedConnection(series: Series, reason: Refusal): void {
  add(series, CELL.connectionsRefused, 1);
  add(series, CELL.refusals + REFUSALS.indexOf(reason), 1);
}

/** Counts a TLS handshake of a client that came to its end. */
export function countHandshake(series: Series, { version, resumed }: { version: string; resumed: boolean }): void {
  add(series, CELL.handshakes + (version === 'TLSv1.3' ? 2 : 0) + (resumed ? 1 : 0), 1);
}

/** Counts one that did not. */
export function countHandshakeFailure(series: Series, kind: HandshakeFailure): void {
  add(series, CELL.handshakeFailures + HANDSHAKE_FAILURES.indexOf(kind), 1);
}

/** Counts bytes that are passed on, as they move: connections may last for days. */
export function countPassed(series: Series, received: number, sent: number): void {
  add(series, CELL.bytesReceived, received);
  add(series, CELL.bytesSent, sent);
}

/** Counts a datagram of a client, and its bytes. */
export function countDatagramReceived(series: Series, bytes: number): void {
  add(series, CELL.datagramsReceived, 1);
  add(series, CELL.bytesReceived, bytes);
}

/** Counts a datagram for a client, and its bytes. */
export function countDatagramSent(series: Series, bytes: number): void {
  add(series, CELL.datagramsSent, 1);
  add(series, CELL.bytesSent, bytes);
}

export function countDroppedDatagram(series: Series): void {
  add(series, CELL.datagramsDropped, 1);
}

/** Counts messages of a WebSocket that have passed whole. */
export function countMessages(series: Series, received: number, sent: number): void {
  add(series, CELL.messagesReceived, received);
  add(series, CELL.messagesSent, sent);
}

/** Counts the end of a WebSocket by the code of its first Close frame: 1005 for none in it, 1006 for no such frame. */
export function countClose(series: Series, code: number): void {
  add(series, CELL.closes + CLOSE_KINDS.indexOf(closeKind(code)), 1);
}

function closeKind(code: number): (typeof CLOSE_KINDS)[number] {
  if (code === 1005) return 'none';
  if (code >= 3000) return code < 4000 ? '3xxx' : '4xxx';
  return CLOSE_KINDS.find((kind) => kind === String(code)) ?? 'abnormal';
}

/** Counts an exchange that began (`change` 1) or ended (-1). */
export function countActive(series: Series, change: 1 | -1): void {
  add(series, CELL.exchangesActive, change);
}

/** Counts an exchange that begins (`change` 1) or ends (-1) to wait: for a connection to an endpoint, or for an upstream to wake up. */
export function countWaiting(series: Series, change: 1 | -1): void {
  add(series, CELL.waiting, change);
}

export function countRetry(series: Series): void {
  add(series, CELL.retries, 1);
}

export function countConnectFailure(series: Series): void {
  add(series, CELL.connectFailures, 1);
}

/** Counts an attempt that got a response other than a server error, after `latencyMs`. */
export function countAttemptSuccess(series: Series, latencyMs: number): void {
  add(series, CELL.attemptSuccesses, 1);
  add(series, CELL.attemptSeconds, latencyMs / 1000);
}

/** Counts an attempt that failed by the fault of the endpoint, or got a server error. */
export function countAttemptFailure(series: Series): void {
  add(series, CELL.attemptFailures, 1);
}

export function countNoEndpoint(series: Series): void {
  add(series, CELL.noEndpoint, 1);
}

export function countHedge(series: Series): void {
  add(series, CELL.hedges, 1);
}

export function countCircuitRefusal(series: Series): void {
  add(series, CELL.circuitRefused, 1);
}

export function countGateRefusal(series: Series): void {
  add(series, CELL.gateRefused, 1);
}

/** Counts a request that was refused as the gateway was late. */
export function countShed(series: Series): void {
  add(series, CELL.shed, 1);
}

/** Notes how many timeouts a worker watches at present, and how late it is. */
export function noteWorker(series: Series, deadlines: number, loopDelayMs: number): void {
  series[CELL.deadlines] = deadlines;
  series[CELL.loopDelayMs] = loopDelayMs;
}

function add(series: Series, cell: number, amount: number): void {
  series[cell] = (series[cell] as number) + amount;
}
