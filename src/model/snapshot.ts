// Everything one worker compiled from one configuration. An exchange keeps the snapshot it began with.
import type { Handler } from './handler.ts';
import type { Request } from './message.ts';
import type { Route } from './route.ts';
import type { Upstream } from './upstream.ts';

/** Finds the route of a request. */
export interface Router {
  match(request: Request, clientAddress: string): RouteResult | undefined;
  /** The methods by which the target could be reached, when only the method is wrong; called on a miss. */
  allowedMethods(request: Request, clientAddress: string): readonly string[];
}

export interface RouteResult {
  readonly route: Route;
  readonly parameters: PathParameters | undefined;
}

/** What a path has for `:param`, `*` and named groups of the pattern it matched. */
export interface PathParameters {
  get(name: string): string | undefined;
}

/** Limits and timeouts of a listener's client connections. */
export interface ListenerSettings {
  readonly name: string;
  readonly protocol: 'http' | 'tcp';
  /** Which addresses are proxies that send a PROXY protocol header; `undefined` where none is expected. */
  readonly isProxy: ((address: string) => boolean) | undefined;
  readonly maxHeadBytes: number;
  readonly maxFields: number;
  readonly maxTargetBytes: number;
  readonly maxBodyBytes: number;
  readonly headTimeoutMs: number;
  readonly bodyTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly sendTimeoutMs: number;
  readonly maxRequests: number;
  readonly maxConnections: number;
}

/** How requests are made fit for the next hop. */
export interface ForwardingSettings {
  /** Whether an address is a proxy whose forwarding fields are believed. */
  readonly isTrusted: (address: string) => boolean;
  /** Pseudonym in Via and Proxy-Status. */
  readonly name: string;
  /** The Via line for responses, ended by CRLF. */
  readonly viaLine: string;
  readonly xForwarded: boolean;
  readonly forwarded: boolean;
  /** Whether `%2F`, `%5C` and `%00` in paths are allowed. */
  readonly allowEncodedSlash: boolean;
}

export interface Snapshot {
  /** Counts configurations since start: 1, 2, … */
  readonly generation: number;
  readonly router: Router;
  readonly upstreams: ReadonlyMap<string, Upstream>;
  /** What TCP listeners do with their connections, by name of the listener. */
  readonly tcp: ReadonlyMap<string, Handler>;
  readonly forwarding: ForwardingSettings;
  /** From what delay of the event loop on requests are refused; infinite for never. */
  readonly overloadDelayMs: number;
  /** How many exchanges, tunnels and connections still use it, in this worker. */
  uses: number;
}
