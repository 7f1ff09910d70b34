// The section `upstreams` of a configuration.
import { balancers } from '#balancers/index.ts';
import { probes } from '#probes/index.ts';
import { resolvers } from '#resolvers/index.ts';
import { s } from '#schema/blocks.ts';
import { endpointSchema } from '#schema/endpoint-list.ts';
import { moduleOptions } from '#schema/module-options.ts';
import { isFieldName } from '#schema/tokens.ts';
import { damping } from './damping-schema.ts';

const timeouts = s.object({
  connect: s.duration().prefault('5s').describe('Until a connection to the endpoint stands.'),
  'first-byte': s.duration().prefault('30s').describe('From the request sent to the response head.'),
  idle: s.duration().prefault('30s').describe('Without a byte while content flows.'),
  'tunnel-idle': s
    .duration()
    .prefault('10m')
    .describe('Without a byte on an upgraded connection, such as a WebSocket.'),
});

const pool = s.object({
  'max-connections': s
    .integer({ min: 1, max: 1e6 })
    .default(1024)
    .describe('Connections to one endpoint from one worker.'),
  'max-idle': s
    .integer({ min: 0, max: 1e6 })
    .default(256)
    .describe('Idle connections to one endpoint kept by one worker.'),
  'idle-timeout': s
    .duration()
    .prefault('60s')
    .describe('How long an idle connection is kept; a shorter Keep-Alive of the endpoint wins.'),
  'max-waiting': s
    .integer({ min: 0, max: 1e6 })
    .default(1024)
    .describe('Requests of one worker waiting for a connection to one endpoint.'),
  'wait-timeout': s.duration().prefault('5s').describe('How long they wait.'),
  'max-requests': s
    .integer({ min: 1, max: 1e9 })
    .default(100000)
    .describe('Requests on one connection before it is closed.'),
});

const retry = s.object({
  attempts: s.integer({ min: 1, max: 10 }).default(3).describe('Attempts in all, the first included.'),
  budget: s
    .percentage()
    .prefault('20%')
    .describe('Retries as a share of requests, over all workers; 100 are held in reserve.'),
});

const eject = s.object({
  after: s
    .integer({ min: 0, max: 1000 })
    .default(5)
    .describe('Failures in a row that eject an endpoint; 0 turns it off.'),
  time: s
    .duration()
    .prefault('10s')
    .describe(
      'How long the first ejection lasts; each further one lasts longer by as much, until the endpoint has been well for max-time.',
    ),
  'max-time': s.duration().prefault('5m').describe('The longest an ejection lasts.'),
  'max-ejected': s.percentage().prefault('50%').describe('Share of endpoints that may be ejected at once.'),
});

const healthTiming = {
  interval: s.duration().prefault('5s').describe('Between two probes of one endpoint.'),
  'unhealthy-interval': s
    .duration()
    .optional()
    .describe('The same for an endpoint that is unhealthy; interval by default.'),
  timeout: s.duration().prefault('2s').describe('How long a probe may take.'),
  healthy: s.integer({ min: 1, max: 100 }).default(2).describe('Good probes in a row that bring an endpoint back.'),
  unhealthy: s.integer({ min: 1, max: 100 }).default(3).describe('Bad probes in a row that take an endpoint out.'),
};

const slowStart = s.object({
  time: s.duration().describe('Until an endpoint has its whole weight.'),
  curve: s
    .enum(['linear', 'aggressive'])
    .default('linear')
    .describe('How its weight grows from 5%: linear, or aggressive: half of it after a quarter of the time.'),
});

const persistence = s.object({
  type: s.literal('cookie').describe('cookie: one that the gateway issues, and that tells nothing of the endpoint.'),
  name: s
    .checked((text) => (isFieldName(text) ? undefined : 'a cookie name is a token'))
    .optional()
    .describe('Name of the cookie; tidegate- and the name of the upstream by default.'),
  ttl: s.duration().optional().describe('How long it lives; as long as the session of the browser by default.'),
  'same-site': s.enum(['lax', 'strict', 'none']).default('lax').describe('Its attribute SameSite.'),
  secret: s
    .string()
    .min(16)
    .optional()
    .describe(
      'Signs the cookie. Drawn when the gateway starts by default; to be set where several gateways serve the same sessions, or sessions are to outlive a restart.',
    ),
  'while-draining': s
    .enum(['keep', 'move'])
    .default('keep')
    .describe('Whether sessions stay on an endpoint that drains, or move at their next request.'),
});

export const upstream = s.object({
  balancer: moduleOptions('balancer', balancers, {})
    .prefault('round-robin')
    .describe('How one of the endpoints is picked.'),
  endpoints: s
    .array(endpointSchema)
    .optional()
    .describe('The endpoints, each an address or { address, weight, priority | backup, zone }.'),
  resolve: moduleOptions('resolver', resolvers, damping)
    .optional()
    .describe('How endpoints are found, instead of being listed.'),
  health: moduleOptions('probe', probes, healthTiming).optional().describe('Active health checks.'),
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
      'Keeps a session on one endpoint. When that is unhealthy, ejected or gone, or fails the request, the session moves to another one.',
    ),
  overflow: s
    .percentage()
    .prefault('70%')
    .describe(
      'Share of usable endpoints, by weight, below which a priority passes requests on to the next, and a zone to others, in proportion to what it lacks; 0% passes on only when none is left.',
    ),
  'slow-start': slowStart.optional().describe('Lets endpoints that come back or are new start with less.'),
  timeouts: timeouts.prefault({}).describe('How long the endpoint may take.'),
  pool: pool.prefault({}).describe('Connections kept to endpoints.'),
  retry: retry.prefault({}).describe('When another endpoint is tried.'),
  host: s
    .string()
    .prefault('keep')
    .describe("Host field sent to the endpoint: keep (the client's), endpoint (its address), or a fixed name."),
});
