// One request and its response in progress (RFC 9113 8.1 calls this an exchange). Lives from the request head to the
// access record; keeps the snapshot it began with.
import type { Fields } from '#http/fields.ts';
import type { Clock } from '#lib/clock.ts';
import type { DatagramClient } from './datagrams.ts';
import { type GrpcCall, grpcCallOf } from './grpc-call.ts';
import type { Request } from './message.ts';
import type { Passage } from './passage.ts';
import { ProxyError } from './proxy-error.ts';
import type { Route } from './route.ts';
import type { PathParameters, Snapshot } from './snapshot.ts';
import type { TlsFacts } from './tls.ts';
import type { Endpoint, Upstream } from './upstream.ts';
import type { TunnelRecord } from './web-socket.ts';

/** How far an exchange has come; named in the access record of one that failed. */
export type Phase =
  | 'request-head'
  | 'policies'
  | 'queue'
  | 'waking'
  | 'connect'
  | 'request'
  | 'response-head'
  | 'response'
  | 'tunnel'
  | 'done';

/** The names of priorities, the most important first. */
export const PRIORITIES = ['critical', 'high', 'normal', 'low'] as const;

export const DEFAULT_PRIORITY = PRIORITIES.indexOf('normal');

/** What an exchange knows of the connection it came on. */
export interface ClientConnection {
  readonly listener: string;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly secure: boolean;
  /** What the TLS handshake has agreed on; `undefined` without TLS. */
  readonly tls: TlsFacts | undefined;
  /** Field lines that tell endpoints who the client has proved to be; '' for none. */
  readonly identityLines: string;
  readonly clock: Clock;
}

/** Who sends informational responses (100, 103) ahead of the final one. */
export interface Informant {
  inform(status: number, fields: Fields): void;
}

/** Something that works for an exchange and can be told to stop. */
export interface Cancellable {
  cancel(error: ProxyError): void;
}

/** Tells whoever still works for an exchange to stop. Of almost all there is nobody who does, and an error has its price. */
const ENDED = new ProxyError('client-closed', 'the exchange has ended');

export class Exchange {
  readonly connection: ClientConnection;
  readonly snapshot: Snapshot;
  readonly request: Request;
  /** What it is besides, where it is a call of gRPC or gRPC-Web. */
  readonly grpc: GrpcCall | undefined;
  /** Monotonic milliseconds (`Clock.now`) at the first byte of the request. */
  readonly startedAt: number;

  /** The client's address: the connection's, or what a trusted proxy said. */
  clientAddress: string;
  route: Route | undefined = undefined;
  /** Values of `:param`, `*` and named groups of the route's path. */
  pathParameters: PathParameters | undefined = undefined;
  upstream: Upstream | undefined = undefined;
  endpoint: Endpoint | undefined = undefined;
  /** Field lines for the endpoint, made once for all attempts: the request's own and those that forwarding adds. */
  forwardLines = '';
  /** Set after a kept-alive connection turned out to be dead: the next attempt opens a new one. */
  needsFreshConnection = false;
  /** Connections tried, the successful one included. */
  attempts = 0;
  /** Who goes first where not all can: 0 is the most important, `DEFAULT_PRIORITY` what a route gets that says nothing. */
  priority = DEFAULT_PRIORITY;
  phase: Phase = 'request-head';
  /** Name of the policy that answered instead of the upstream; '' when none did. */
  answeredBy = '';
  /** Who the client proved to be, as told by an authentication policy; '' when unknown. */
  consumer = '';
  /** Milliseconds from the start to the endpoint's response head; -1 before. */
  firstByteMs = -1;
  bytesReceived = 0;
  bytesSent = 0;
  status = 0;
  /** Passes informational responses on; set by the listener. */
  informant: Informant | undefined = undefined;
  /** Of a connection or session that is passed on as it is. */
  passage: Passage | undefined = undefined;
  /** Of a connection that was upgraded, once it was. */
  tunnel: TunnelRecord | undefined = undefined;
  /** The client's side of a UDP session; set by the listener. */
  datagrams: DatagramClient | undefined = undefined;

  #id = '';
  #inCharge: Cancellable | undefined = undefined;
  #aborted: ProxyError | undefined = undefined;
  #error: ProxyError | undefined = undefined;
  #endedIn: Phase | undefined = undefined;
  #cleanups: (() => void)[] | undefined = undefined;

  constructor(connection: ClientConnection, snapshot: Snapshot, request: Request, startedAt: number) {
    this.connection = connection;
    this.snapshot = snapshot;
    this.request = request;
    this.grpc = request.contentType === '' ? undefined : grpcCallOf(request);
    this.startedAt = startedAt;
    this.clientAddress = connection.remoteAddress;
  }

  get clock(): Clock {
    return this.connection.clock;
  }

  /** Identity of the exchange in logs; set by the request-id policy, else made on demand. */
  get id(): string {
    if (this.#id === '') this.#id = crypto.randomUUID();
    return this.#id;
  }
  set id(id: string) {
    this.#id = id;
  }

  /** The identity if somebody has asked for it or set it; else ''. */
  get knownId(): string {
    return this.#id;
  }

  /** Why the exchange ended other than by a response of the upstream or of a policy; `undefined` when it did not. */
  get error(): ProxyError | undefined {
    return this.#error;
  }

  /** The phase in which it was ended: that of the error, even if an answer followed. */
  get endedIn(): Phase {
    return this.#endedIn ?? this.phase;
  }

  /** Keeps what ended the exchange; only the first call counts. */
  blame(error: ProxyError): void {
    if (this.#error) return;
    this.#error = error;
    this.#endedIn = this.phase;
  }

  /** Why the client's side gave up, or `undefined`. */
  get aborted(): ProxyError | undefined {
    return this.#aborted;
  }

  /**
   * Whoever works for this exchange at the moment; cancelled when the client gives up, at once if it already has.
   *
   * It may seem simpler to take a function; however, one that is made for each exchange and almost never called has V8 carry every
   * exchange over into old memory (measured: half of the throughput of HTTP/2).
   */
  set inCharge(worker: Cancellable | undefined) {
    this.#inCharge = worker;
    if (this.#aborted) worker?.cancel(this.#aborted);
  }

  /** Tells that the client's side is gone. Only the first call counts. */
  abort(error: ProxyError): void {
    if (this.#aborted) return;
    this.#aborted = error;
    this.blame(error);
    this.#inCharge?.cancel(error);
  }

  /** Runs `cleanup` when the exchange has ended, however it ended; last added first. */
  onEnd(cleanup: () => void): void {
    if (this.#cleanups) this.#cleanups.push(cleanup);
    else this.#cleanups = [cleanup];
  }

  /** Called by the listener, once, before the access record is written. Whoever still works for it is told to stop. */
  end(): void {
    const worker = this.#inCharge;
    this.#inCharge = undefined;
    worker?.cancel(ENDED);
    const cleanups = this.#cleanups;
    this.#cleanups = undefined;
    if (cleanups) for (let i = cleanups.length - 1; i >= 0; i--) cleanups[i]?.();
  }
}
