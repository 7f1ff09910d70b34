// Everything one worker compiled from one configuration. An exchange keeps the snapshot it began with.
import type { FirstBytes } from '#wire/first-bytes.ts';
import type { Handler } from './handler.ts';
import type { Request } from './message.ts';
import type { Route } from './route.ts';
import type { TlsSettings } from './tls.ts';
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
  readonly protocol: 'http' | 'tcp' | 'udp';
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
  /** Until the first bytes of a connection say where it goes, on a listener with routes. */
  readonly firstBytesTimeoutMs: number;
  /** `undefined` where TLS does not end here. */
  readonly tls: TlsSettings | undefined;
  /** How long a connection or session may last; 0 for ever. One of HTTP ends behind the first request after that. */
  readonly lifetimeMs: number;
  /** `undefined` when whoever comes is taken. */
  readonly admission: AdmissionLimits | undefined;
  readonly udp: UdpSettings;
  readonly http2: Http2Settings;
}

/** HTTP/2 of clients. */
export interface Http2Settings {
  readonly enabled: boolean;
  /** Streams that a client may have open on a connection. */
  readonly maxStreams: number;
  /** Octets a stream, and a connection, that nobody has taken. */
  readonly streamWindow: number;
  readonly connectionWindow: number;
  /** While streams are open and nothing comes, after which a client is asked for a sign of life; `undefined` for never. */
  readonly pingIntervalMs: number | undefined;
  readonly pingTimeoutMs: number;
}

export interface AdmissionRate {
  readonly perSecond: number;
  /** How many at once. */
  readonly burst: number;
}

/** Which connections a listener takes, beside the bound of all. */
export interface AdmissionLimits {
  readonly rate: AdmissionRate | undefined;
  /** Of one client address, IPv6 by /64. */
  readonly clientRate: AdmissionRate | undefined;
  /** 0 for no limit. */
  readonly clientConnections: number;
}

export interface UdpSettings {
  /** Without a datagram in either direction. */
  readonly idleTimeoutMs: number;
  /** In one worker. */
  readonly maxSessions: number;
  /** Answers to each datagram of the client after which a session ends; 0 when nobody knows. */
  readonly expectedAnswers: number;
}

/** Where the first bytes of a connection lead to: an upstream, or the gateway's own HTTP. */
export type StreamChoice =
  | {
      readonly type: 'upstream';
      readonly handler: Handler;
      /** Whether TLS ends here, and what is in it is passed on. */
      readonly terminates: boolean;
    }
  | { readonly type: 'http' };

export interface StreamChooser {
  /** `undefined` when no route fits. */
  match(first: FirstBytes): StreamChoice | undefined;
  /** Whether some route names the server. */
  hasName(sni: string): boolean;
}

/** How requests are made fit for the next hop. */
export interface ForwardingSettings {
  /** Whether an address is a proxy whose forwarding fields are believed. */
  readonly isTrusted: (address: string) => boolean;
  /** Whether such a proxy is believed what it says of client certificates. */
  readonly trustsCertificates: boolean;
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
  /** What TCP and UDP listeners do with their connections and sessions, by name of the listener. */
  readonly passages: ReadonlyMap<string, Handler>;
  /** Where connections of a TCP listener go by their first bytes, for listeners with routes. */
  readonly streamRoutes: ReadonlyMap<string, StreamChooser>;
  readonly forwarding: ForwardingSettings;
  /** From what delay of the event loop on requests are refused; infinite for never. */
  readonly overloadDelayMs: number;
  /** How many exchanges, tunnels and connections still use it, in this worker. */
  uses: number;
}
