// Upstream and endpoint: where requests go. Compiled and immutable but for what they point to in shared memory.
import type { EndpointCells } from '#memory/endpoint-table.ts';
import type { RetryBudget } from '#memory/retry-budget.ts';
import type { Series } from '#memory/series-table.ts';
import type { Balancer } from './balancer.ts';
import type { Exchange } from './exchange.ts';
import type { Response } from './message.ts';
import type { ProxyError } from './proxy-error.ts';

/** Who waits for the outcome of one attempt: exactly one of the two is called, once. */
export interface AttemptListener {
  responded(response: Response): void;
  failed(error: ProxyError): void;
}

/** One attempt under way. */
export interface Attempt {
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
  /** The same for an upgraded connection. */
  readonly tunnelIdleMs: number;
}

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
}

export interface RetrySettings {
  /** Attempts in all, the first included. */
  readonly attempts: number;
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
  /** Whether endpoints that came while the gateway runs are well only when a probe says so. */
  readonly awaitsProbe: boolean;
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
  readonly pool: PoolSettings;
  readonly retry: RetrySettings;
  readonly budget: RetryBudget;
  /** Host sent to the endpoint: the client's, the endpoint's address, or a fixed name. */
  readonly host: 'keep' | 'endpoint' | { readonly name: string };
  /** Errors in a row that eject an endpoint; 0 turns passive ejection off. */
  readonly ejectAfter: number;
  readonly series: Series;
}
