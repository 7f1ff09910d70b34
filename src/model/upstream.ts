// Upstream and endpoint: where requests go. Compiled and immutable but for what they point to in shared memory.
import type { CircuitBreaker } from '#memory/circuit-breaker.ts';
import type { EndpointCells } from '#memory/endpoint-table.ts';
import type { RetryBudget } from '#memory/retry-budget.ts';
import type { Series } from '#memory/series-table.ts';
import type { Balancer } from './balancer.ts';
import type { EndpointTls } from './endpoint-tls.ts';
import type { Exchange } from './exchange.ts';
import type { FailureKind } from './failure-kind.ts';
import type { Response } from './message.ts';
import type { ProxyError } from './proxy-error.ts';

/**
 * Who waits for the outcome of one attempt: exactly one of `responded` and `failed` is called, once, and perhaps before `send` has
 * returned.
 */
export interface AttemptListener {
  /**
   * Called where the request has streaming content: it begins to be sent, or some has been. `isDue` tells that the endpoint is to do
   * something, take what is sent or answer the whole; else it waits for the client.
   */
  requestMoved(isDue: boolean): void;
  responded(response: Response): void;
  failed(error: ProxyError): void;
  /** Called once after `responded`, where the response has streaming content: it has ended, with an error when the endpoint broke it off. */
  contentEnded(error: ProxyError | undefined): void;
}

/** One attempt under way. */
export interface Attempt {
  /** Whether it waits for a connection to become free, so that the endpoint knows nothing of it. */
  readonly waits?: boolean;
  /** Gives up, without a call to the listener. */
  cancel(error: ProxyError): void;
}

/** Sends requests to one endpoint over connections it keeps. */
export interface Transport {
  send(exchange: Exchange, upstream: Upstream, endpoint: Endpoint, listener: AttemptListener): Attempt;
}

/** One address and port. */
export interface Endpoint {
  /** `address:port`, `[v6]:port` or `unix:/path`: its identity within the upstream, over reloads too. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Path of a Unix socket, or ''. */
  readonly socketPath: string;
  /** Relative share; 0 takes no new requests. Of an endpoint that starts slowly, the part it has at the moment. */
  readonly weight: number;
  /** 0 is the first; larger numbers get requests when smaller ones cannot carry them. */
  readonly priority: number;
  /** '' when none is told. */
  readonly zone: string;
  /** What it is told apart by where a route wants a subset. */
  readonly labels: Readonly<Record<string, string>>;
  /** State all workers share: health, ejection, draining, requests in flight. */
  readonly cells: EndpointCells;
  readonly series: Series;
  readonly transport: Transport;
}

export interface UpstreamTimeouts {
  readonly connectMs: number;
  /** From the request sent to the response head. */
  readonly firstByteMs: number;
  /** Without a byte in either direction while content flows. */
  readonly idleMs: number;
  /** The same in responses that last and may be silent: event streams and calls of gRPC. */
  readonly streamIdleMs: number;
  /** The same for an upgraded connection. */
  readonly tunnelIdleMs: number;
  /** How long an upgraded connection stays with an endpoint that is to be left; infinite for as long as its sides like. */
  readonly tunnelDrainMs: number;
}

/** How TLS is spoken with all endpoints of an upstream. */
export interface UpstreamTls {
  readonly endpoint: EndpointTls;
  /** Whether new connections continue the sessions of earlier ones. */
  readonly reusesSessions: boolean;
  /** Protocols offered by ALPN on connections of TCP listeners. */
  readonly alpn: readonly string[];
}

/** How connections to endpoints are made and kept. */
export interface PoolSettings {
  /** Connections to one endpoint from one worker, busy ones included. */
  readonly maxConnections: number;
  /** Idle ones that are kept. */
  readonly maxIdle: number;
  readonly idleTimeoutMs: number;
  /** Exchanges waiting for a connection in one worker; more are refused at once. */
  readonly maxWaiting: number;
  readonly waitTimeoutMs: number;
  /** Requests on one connection before it is closed. */
  readonly maxRequests: number;
  /** Greatest age of a connection that gets another request; `undefined` for none. */
  readonly maxAgeMs: number | undefined;
  /** `undefined` where they go without TLS. */
  readonly tls: UpstreamTls | undefined;
  /** What requests go over; `auto` leaves it to the endpoint, by ALPN. */
  readonly protocol: 'http1' | 'http2' | 'auto';
  /** Requests at a time on one HTTP/2 connection, if the endpoint takes as many. */
  readonly streams: number;
  /** Without anything from the endpoint after which an HTTP/2 connection is asked for a sign of life; `undefined` for never. */
  readonly pingIntervalMs: number | undefined;
  readonly pingTimeoutMs: number;
}

export interface RetrySettings {
  /** Attempts in all, the first included. */
  readonly attempts: number;
  /** Failures after which another attempt is made. */
  readonly kinds: ReadonlySet<FailureKind>;
  /** Statuses after which another attempt is made. */
  readonly statuses: ReadonlySet<number>;
  /** Statuses of gRPC after which another attempt is made, whatever the method. */
  readonly grpcStatuses: ReadonlySet<number>;
  /** Methods of requests that may be sent twice. */
  readonly methods: ReadonlySet<string>;
  /** From the start of an attempt to its response head; infinite for no such limit. */
  readonly attemptTimeoutMs: number;
  /** The longest wait ahead of the second attempt; it doubles with each further one. */
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
  /** Octets of streaming content that are kept so that they can be sent again. */
  readonly maxBodyBytes: number;
  /** Whether endpoints that have failed are tried again where no other is left. */
  readonly triesAgain: boolean;
}

/** Says when a second attempt is made while the first one is under way. */
export interface HedgeDelay {
  /** Time without a response head; `undefined` while too little is known to say it. */
  afterMs(): number | undefined;
  /** The head of a response that is no failure came after this time. */
  observe(latencyMs: number): void;
}

/** Who wants through a gate: is either admitted or refused, once, unless it withdraws. */
export interface GateVisitor {
  /** 0 comes first. */
  readonly priority: number;
  admitted(): void;
  refused(error: ProxyError): void;
}

/** Lets so many requests at a time through to an upstream, over all workers; others wait for their turn. */
export interface Gate {
  enter(visitor: GateVisitor): void;
  /** Takes a visitor that waits, if it does, out of the queue. */
  withdraw(visitor: GateVisitor): void;
  /** A request that was admitted has ended. */
  leave(): void;
  /** The head of a response that is no failure came after this time. */
  observe(latencyMs: number): void;
}

/** Which failures in a row eject an endpoint. */
export interface EjectSettings {
  /** 0 for none. */
  readonly after: number;
  readonly on: ReadonlySet<FailureKind>;
}

/** How long an endpoint that has just become usable takes to get its whole weight. */
export interface SlowStart {
  readonly timeMs: number;
  /** Its part after a part x of the time is x to the power of this: 1 is linear, less is steeper in the beginning. */
  readonly exponent: number;
}

/** How endpoints are told apart by health, priority and zone. */
export interface GroupingSettings {
  /** Share of usable endpoints, by weight, below which health is ignored: 0 to 1 (panic threshold). */
  readonly panicThreshold: number;
  /** Share of usable endpoints, by weight, below which a priority or a zone passes requests on: 0 to 1. */
  readonly overflow: number;
  /** Whether having nobody well means that the upstream sleeps: it is to be woken up, and nobody asked in panic. */
  readonly sleeps: boolean;
  /** The zone of this gateway; '' when it has none. */
  readonly zone: string;
  readonly slowStart: SlowStart | undefined;
}

/** Keeps the requests of a session on one endpoint. */
export interface Affinity {
  /** Whether sessions stay on an endpoint that drains. */
  readonly keepsDraining: boolean;
  /** Whether sessions of an endpoint that is down move to another one; else their requests are refused. */
  readonly movesWhenDown: boolean;
  /** Of all endpoints of the upstream, the one that the request's session is bound to, whatever its state. */
  find(exchange: Exchange, endpoints: readonly Endpoint[]): Endpoint | undefined;
  /** Told of each response of an endpoint: binds the session to it from now on. `bound` is what `find` gave for the request. */
  bind(exchange: Exchange, response: Response, endpoint: Endpoint, bound: Endpoint | undefined): void;
}

/** An exchange that waits for an upstream to wake up: exactly one of the two is called, once. */
export interface Sleeper {
  readonly exchange: Exchange;
  /** An endpoint has become usable. */
  resume(): void;
  fail(error: ProxyError): void;
}

/** Holds exchanges of an upstream that was scaled to zero until it is awake. */
export interface WakeUp {
  /** Returns how to leave, or the error of one that cannot be held. */
  hold(upstream: Upstream, sleeper: Sleeper): Attempt | ProxyError;
}

export interface Upstream {
  readonly name: string;
  readonly balancer: Balancer;
  /** Endpoints now known: replaced as a whole when the resolver has a new answer. */
  endpoints: readonly Endpoint[];
  /** Changes whenever the status of some endpoint does; one atomic read. */
  readonly epoch: () => number;
  readonly grouping: GroupingSettings;
  readonly affinity: Affinity | undefined;
  readonly wake: WakeUp | undefined;
  /** Version of the PROXY protocol header that connections of TCP listeners begin with; `undefined` for none. */
  readonly sendsProxyHeader: 1 | 2 | undefined;
  readonly timeouts: UpstreamTimeouts;
  /** The longest that a call of gRPC may take, whatever its client asks for; infinite for no such limit. */
  readonly maxCallMs: number;
  readonly pool: PoolSettings;
  readonly retry: RetrySettings;
  readonly hedge: HedgeDelay | undefined;
  readonly breaker: CircuitBreaker | undefined;
  readonly gate: Gate | undefined;
  readonly budget: RetryBudget;
  /** Host sent to the endpoint: the client's, the endpoint's address, or a fixed name. */
  readonly host: 'keep' | 'endpoint' | { readonly name: string };
  readonly eject: EjectSettings;
  readonly series: Series;
}
