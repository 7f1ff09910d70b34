// The section `upstreams` of a configuration.
import { balancers } from '#balancers/index.ts';
import { parseAuthority } from '#http/authority.ts';
import { FAILURE_KINDS } from '#model/failure-kind.ts';
import { probes } from '#probes/index.ts';
import { resolvers } from '#resolvers/index.ts';
import { s } from '#schema/blocks.ts';
import { endpointSchema } from '#schema/endpoint-list.ts';
import { moduleOptions } from '#schema/module-options.ts';
import { damping } from './damping-schema.ts';
import { persistence } from './persistence-schema.ts';
import { circuitBreaker, concurrency, grpc, hedge, retry } from './recovery-schema.ts';
import { upstreamTls } from './upstream-tls-schema.ts';
import { wake } from './wake-schema.ts';

const timeouts = s.object({
  connect: s.positiveDuration().prefault('5s').describe('Until a connection to the endpoint stands.'),
  'first-byte': s.positiveDuration().prefault('30s').describe('From the request sent to the response head.'),
  idle: s.positiveDuration().prefault('30s').describe('Without a byte while content flows.'),
  'stream-idle': s
    .positiveDuration()
    .prefault('10m')
    .describe('The same in responses that may be silent for long: event streams (text/event-stream) and gRPC.'),
  'tunnel-idle': s
    .positiveDuration()
    .prefault('10m')
    .describe('Without a byte on an upgraded connection, such as a WebSocket.'),
  'tunnel-drain': s
    .duration()
    .optional()
    .describe(
      'How long upgraded connections stay with an endpoint that drains, or is no more part of the upstream. WebSockets under the policy websocket are then closed with 1001, over its close-spread; others are cut off. For as long as they last by default.',
    ),
});

/** Those that a route may have of its own. */
export const routeTimeouts = s.object({
  'first-byte': s
    .positiveDuration()
    .optional()
    .describe('From the request sent to the response head: longer than the longest poll, for long polling.'),
  idle: s.positiveDuration().optional().describe('Without a byte while content flows.'),
  'stream-idle': s.positiveDuration().optional().describe('The same in event streams (text/event-stream) and gRPC.'),
  'tunnel-idle': s
    .positiveDuration()
    .optional()
    .describe('Without a byte on an upgraded connection, such as a WebSocket.'),
});

const pool = s.object({
  'max-connections': s
    .integer({ min: 1, max: 1e6 })
    .default(1024)
    .describe('Connections to one endpoint from one worker.'),
  'max-idle': s
    .integer({ min: 0, max: 1e6 })
    .default(1024)
    .describe('Idle connections to one endpoint kept by one worker.'),
  'idle-timeout': s
    .duration()
    .prefault('60s')
    .describe('How long an idle connection is kept; a shorter Keep-Alive of the endpoint wins.'),
  'max-waiting': s
    .integer({ min: 0, max: 1e6 })
    .default(32768)
    .describe('Requests of one worker waiting for a connection to one endpoint; more are answered 503.'),
  'wait-timeout': s.duration().prefault('5s').describe('How long they wait.'),
  'max-requests': s
    .integer({ min: 1, max: 1e9 })
    .default(100000)
    .describe('Requests on one connection before it is closed.'),
  'max-age': s
    .positiveDuration()
    .optional()
    .describe(
      'Age at which a connection gets no more requests and is closed after the present one, drawn for each from the last fifth of this, so that they do not all end at once. No limit by default.',
    ),
  streams: s
    .integer({ min: 1, max: 10_000 })
    .default(100)
    .describe(
      'HTTP/2: requests at a time on one connection, if the endpoint takes as many; for more of them another connection is opened.',
    ),
  'ping-interval': s
    .positiveDuration()
    .optional()
    .describe(
      'HTTP/2: without anything from the endpoint after which a connection is asked for a sign of life, idle or not. By default only where a request is not answered in time.',
    ),
  'ping-timeout': s
    .positiveDuration()
    .prefault('5s')
    .describe('HTTP/2: how long that sign may take; then the connection is dead.'),
});

const protocol = s.enum(['http1', 'http2', 'auto']);

const successRate = s.object({
  deviations: s
    .number({ min: 0.1, max: 100 })
    .default(1.9)
    .describe('How many standard deviations below the mean of the endpoints a success rate must lie.'),
  margin: s
    .percentage()
    .prefault('5%')
    .describe('How far below the mean it must lie at least, however little the endpoints differ.'),
  'min-endpoints': s
    .integer({ min: 2, max: 1e6 })
    .default(5)
    .describe('Endpoints with enough requests, below which none is ejected.'),
  'min-requests': s
    .integer({ min: 1, max: 1e9 })
    .default(100)
    .describe('Requests within the window, below which an endpoint is not judged.'),
});

const latency = s.object({
  times: s
    .number({ min: 1, max: 1e6 })
    .default(3)
    .describe("How many times the median of the other endpoints an endpoint's average must exceed."),
  'min-latency': s.duration().prefault('10ms').describe('An average up to this is never too long.'),
  'min-endpoints': s
    .integer({ min: 2, max: 1e6 })
    .default(3)
    .describe('Endpoints with enough requests, below which none is ejected.'),
  'min-requests': s
    .integer({ min: 1, max: 1e9 })
    .default(100)
    .describe('Answered requests within the window, below which an endpoint is not judged.'),
});

const eject = s.object({
  after: s
    .integer({ min: 0, max: 1000 })
    .default(5)
    .describe('Failures in a row that eject an endpoint; 0 turns it off.'),
  on: s
    .array(s.enum(FAILURE_KINDS))
    .default(['connect', 'timeout', 'reset', 'invalid-response', 'gateway-error'])
    .describe(
      'What counts as such a failure: connect (no connection in time, or at all), timeout (of an answer), reset (the connection ended before the response), invalid-response (not HTTP), gateway-error (statuses 502, 503 and 504), server-error (all statuses from 500). A response that does not count ends the row.',
    ),
  time: s
    .duration()
    .prefault('10s')
    .describe(
      'How long the first ejection lasts; each further one lasts longer by as much, until the endpoint has been well for max-time.',
    ),
  'max-time': s.duration().prefault('5m').describe('The longest an ejection lasts.'),
  'max-ejected': s.percentage().prefault('50%').describe('Share of endpoints that may be ejected at once.'),
  window: s
    .positiveDuration()
    .prefault('10s')
    .describe('Requests of so long a time are judged together by success-rate and latency.'),
  'success-rate': successRate
    .optional()
    .describe('Ejects endpoints that answer fewer of their requests well than the others do; off by default.'),
  latency: latency
    .optional()
    .describe('Ejects endpoints that take longer to answer than the others do; off by default.'),
});

/** What every probe takes beside its own options. */
export const healthSettings = {
  interval: s.positiveDuration().prefault('5s').describe('Between two probes of one endpoint.'),
  'unhealthy-interval': s
    .positiveDuration()
    .optional()
    .describe('The same for an endpoint that is unhealthy; interval by default.'),
  timeout: s.positiveDuration().prefault('2s').describe('How long a probe may take.'),
  healthy: s.integer({ min: 1, max: 100 }).default(2).describe('Good probes in a row that bring an endpoint back.'),
  unhealthy: s.integer({ min: 1, max: 100 }).default(3).describe('Bad probes in a row that take an endpoint out.'),
  port: s
    .integer({ min: 1, max: 65535 })
    .optional()
    .describe("Port that is probed; the endpoint's own by default. One on a Unix socket is always probed there."),
  initial: s
    .enum(['takes-requests', 'must-pass'])
    .default('takes-requests')
    .describe(
      'Whether an endpoint that is found while the gateway runs takes requests until its first probe has failed, or must pass healthy probes in a row first.',
    ),
};

const slowStart = s.object({
  time: s.duration().describe('Until an endpoint has its whole weight.'),
  curve: s
    .enum(['linear', 'aggressive'])
    .default('linear')
    .describe('How its weight grows from 5%: linear, or aggressive: half of it after a quarter of the time.'),
});

const scaling = s.object({
  'target-in-flight': s.integer({ min: 1, max: 1e6 }).describe('Requests in flight that one endpoint should have.'),
  min: s.integer({ min: 0, max: 1e6 }).default(1).describe('The fewest endpoints that are asked for.'),
  max: s.integer({ min: 1, max: 1e6 }).optional().describe('The most; no bound by default.'),
  window: s
    .duration()
    .prefault('60s')
    .describe(
      'The load is averaged over this time, 10s to 1h: more endpoints are asked for within a tenth of it, fewer after all of it.',
    ),
});

export const upstream = s.object({
  balancer: moduleOptions('balancer', balancers, {})
    .prefault('round-robin')
    .describe('How one of the endpoints is picked.'),
  endpoints: s
    .array(endpointSchema)
    .optional()
    .describe('The endpoints, each an address or { address, weight, priority | backup, zone, labels }.'),
  resolve: moduleOptions('resolver', resolvers, damping)
    .optional()
    .describe('How endpoints are found, instead of being listed.'),
  protocol: protocol
    .default('http1')
    .describe(
      'What requests go over: http1, http2 (without tls from the first byte on, by prior knowledge), or auto: what the endpoint chooses by ALPN.',
    ),
  tls: upstreamTls
    .default(false)
    .describe(
      "Speaks TLS with the endpoints: true, or how. Their certificates must be for server-name; without it for the name in host, or else for the endpoint's own name or address.",
    ),
  health: moduleOptions('probe', probes, healthSettings).optional().describe('Active health checks.'),
  eject: eject.prefault({}).describe('Passive health: endpoints that fail real requests.'),
  'panic-threshold': s
    .percentage()
    .prefault('50%')
    .describe('Share of usable endpoints below which health is ignored, when no other priority carries the rest.'),
  'send-proxy-protocol': s
    .enum(['v1', 'v2'])
    .optional()
    .describe('Tells endpoints whose connection they get, on connections of TCP listeners.'),
  persistence: persistence
    .optional()
    .describe(
      'Keeps a session on one endpoint, whatever the balancer would say: by a cookie of the gateway, by what the application gives, or by the address of the client.',
    ),
  scaling: scaling.optional().describe('How many endpoints autoscalers are told to run, in metrics and the admin API.'),
  wake: wake.optional().describe('How an upstream that was scaled to zero is started again, while its requests wait.'),
  overflow: s
    .percentage()
    .prefault('70%')
    .describe(
      'Share of usable endpoints, by weight, below which a priority passes requests on to the next, and a zone to others, in proportion to what it lacks; 0% passes on only when none is left.',
    ),
  'slow-start': slowStart.optional().describe('Lets endpoints that come back or are new start with less.'),
  timeouts: timeouts.prefault({}).describe('How long the endpoint may take.'),
  pool: pool.prefault({}).describe('Connections kept to endpoints.'),
  grpc: grpc.prefault({}).describe('Calls of gRPC.'),
  retry: retry.prefault({}).describe('When another attempt is made.'),
  hedge: hedge
    .optional()
    .describe(
      'Makes a second attempt, at another endpoint, while the first is slow, and takes what comes first. For requests that may be repeated, within the budget of retries.',
    ),
  'circuit-breaker': circuitBreaker
    .optional()
    .describe('Answers 503 at once for a while when too many requests fail or are slow.'),
  concurrency: concurrency.optional().describe('How many requests the upstream gets at a time; others wait.'),
  host: s
    .checked(hostProblem)
    .prefault('keep')
    .describe("Host field sent to the endpoint: keep (the client's), endpoint (its address), or a fixed name."),
});

function hostProblem(text: string): string | undefined {
  return parseAuthority(text) ? undefined : `"${text}" is neither keep nor endpoint, nor a name with or without a port`;
}
