// What the admin API answers, as schemas: the types of `admin/admin-host.ts` and the OpenAPI document both come from here.
import { z } from '@hono/zod-openapi';

const time = z.string().describe('RFC 3339 time in UTC.');
const count = z.number().describe('Counted since the process started.');

export const problemSchema = z
  .object({
    type: z.string().describe('`about:blank`: the title says what the status code says.'),
    title: z.string(),
    status: z.number(),
    detail: z.string().describe('What is wrong and what to do about it.'),
    problems: z
      .array(z.string())
      .readonly()
      .optional()
      .describe('Each problem of a refused configuration with its place.'),
  })
  .readonly()
  .openapi('Problem', { description: 'An error (RFC 9457).' });

export const aliveSchema = z.object({ status: z.literal('ok') }).readonly();

export const readySchema = z
  .object({ ready: z.boolean(), draining: z.boolean().describe('Whether the process is about to end.') })
  .readonly()
  .openapi('Readiness');

const workerSchema = z
  .object({ index: z.number(), state: z.enum(['starting', 'ready', 'draining', 'dead']) })
  .readonly()
  .openapi('Worker');

const listenerSchema = z
  .object({
    name: z.string(),
    address: z.string().describe('The bound address with its real port, as `127.0.0.1:8080` or `[::1]:8080`.'),
    connections: z.number().describe('Client connections, or UDP sessions, open now.'),
    protocol: z.enum(['http', 'tcp', 'udp']),
    accepted: count.describe('Client connections, or UDP sessions, accepted since the process started.'),
    refused: count.describe(
      'Client connections, and datagrams that would have begun a UDP session, that were refused.',
    ),
    receivedBytes: count.describe('Octets of content of clients; with HTTP, of finished requests.'),
    sentBytes: count.describe('Octets of content for clients; with HTTP, of finished responses.'),
  })
  .readonly()
  .openapi('Listener');

const problemsSchema = z
  .array(z.string())
  .readonly()
  .describe('What was wrong with the configuration, one line each with its place. Empty when it is in use.');

const lastReloadSchema = z.object({ time, ok: z.boolean(), problems: problemsSchema }).readonly().openapi('LastReload');

export const gatewayStatusSchema = z
  .object({
    version: z.string(),
    pid: z.number(),
    startedAt: time,
    uptimeMs: z.number(),
    generation: z.number().describe('Counts the configurations since the start: 1, 2, and so on.'),
    file: z
      .string()
      .nullable()
      .describe('The configuration file; null when the configuration was handed in by a program.'),
    workers: z.array(workerSchema).readonly(),
    listeners: z.array(listenerSchema).readonly(),
    lastReload: lastReloadSchema.nullable().describe('The last reload, or null when there was none.'),
    draining: z.boolean(),
  })
  .readonly()
  .openapi('GatewayStatus');

export const endpointStateSchema = z
  .enum(['healthy', 'unhealthy', 'ejected', 'draining', 'unknown', 'warming'])
  .describe(
    '`unknown` is an endpoint that no probe has asked yet; it takes requests. `warming` is one that must pass its probes first.',
  )
  .openapi('EndpointState');

const healthChangeSchema = z
  .object({ time, status: endpointStateSchema, reason: z.string() })
  .readonly()
  .openapi('HealthChange');

const endpointStatusSchema = z
  .object({
    name: z.string().describe('`address:port`, `[v6]:port` or `unix:/path`.'),
    weight: z.number(),
    status: endpointStateSchema,
    reason: z.string().describe("Why, as `status 500`; '' when there is nothing to say."),
    inFlight: z.number().describe('Requests in progress now, over all workers.'),
    requests: count,
    failures: count.describe('Attempts that failed by the fault of the endpoint or got a server error.'),
    ejections: count,
    history: z.array(healthChangeSchema).readonly().describe('The last changes of health, oldest first.'),
  })
  .readonly()
  .openapi('EndpointStatus');

export const upstreamStatusSchema = z
  .object({
    name: z.string(),
    balancer: z.string(),
    inFlight: z.number().describe('Requests under way at endpoints, over all workers.'),
    waiting: z
      .number()
      .describe('Requests that wait: for their turn, for a connection, or for the upstream to wake up.'),
    circuit: z
      .enum(['closed', 'half-open', 'open'])
      .nullable()
      .describe('`open` refuses all requests, `half-open` all but a few; null without a circuit breaker.'),
    concurrency: z
      .object({
        limit: z
          .number()
          .nullable()
          .describe('Requests that may be in progress at a time; null while an adaptive limit has not been found out.'),
        inFlight: z.number().describe('Requests in progress now, over all workers.'),
        waiting: z.number().describe('Those of the requests that wait which wait for their turn.'),
      })
      .readonly()
      .nullable()
      .describe('Null without a limit of concurrency.'),
    endpoints: z.array(endpointStatusSchema).readonly(),
  })
  .readonly()
  .openapi('UpstreamStatus');

export const upstreamListSchema = z.object({ upstreams: z.array(upstreamStatusSchema).readonly() }).readonly();

export const scalingSignalSchema = z
  .object({
    inFlight: z.number().describe('Requests under way at endpoints, over all workers.'),
    waiting: z
      .number()
      .describe('Requests that wait: for their turn, for a connection, or for the upstream to wake up.'),
    latencyMs: z
      .object({ p50: z.number().nullable(), p90: z.number().nullable() })
      .readonly()
      .describe('Estimated for the requests of the window; null when there were none.'),
    endpoints: z.object({ listed: z.number(), usable: z.number().describe('Those that take requests.') }).readonly(),
    capacity: z
      .number()
      .nullable()
      .describe('Requests in flight that the usable endpoints should have; null without the option `scaling`.'),
    desired: z
      .number()
      .nullable()
      .describe('Endpoints that the load of the window asks for; null without the option `scaling`.'),
  })
  .readonly()
  .openapi('ScalingSignal');

const requestCountsSchema = z
  .object({ total: count, '1xx': count, '2xx': count, '3xx': count, '4xx': count, '5xx': count })
  .readonly()
  .openapi('RequestCounts');

export const routeStatusSchema = z
  .object({
    name: z.string(),
    match: z.string().describe('What the route matches, in short.'),
    action: z.string().describe('Where it leads, in short: `upstream api`, `redirect 301`, `respond 200`.'),
    requests: requestCountsSchema,
    latencyMs: z
      .object({ p50: z.number().nullable(), p99: z.number().nullable() })
      .readonly()
      .describe('Estimated from the histogram since the start; null before the first request.'),
  })
  .readonly()
  .openapi('RouteStatus');

export const routeListSchema = z.object({ routes: z.array(routeStatusSchema).readonly() }).readonly();

export const configurationSchema = z.unknown().openapi('Configuration', {
  type: 'object',
  description: 'The configuration in use with all defaults; secrets read `***`.',
});

export const reloadResultSchema = z
  .object({
    ok: z.boolean(),
    generation: z.number().describe('The configuration in use after the call.'),
    problems: problemsSchema,
  })
  .readonly()
  .openapi('ReloadResult');

export const drainResultSchema = z
  .object({ upstream: z.string(), endpoint: z.string(), draining: z.boolean() })
  .readonly()
  .openapi('DrainResult');

export const upstreamPathSchema = z.object({
  upstream: z.string().openapi({ param: { name: 'upstream', in: 'path' }, example: 'api' }),
});

export const endpointPathSchema = upstreamPathSchema.extend({
  endpoint: z.string().openapi({ param: { name: 'endpoint', in: 'path' }, example: '127.0.0.1:9001' }),
});

const certificateStatusSchema = z
  .object({
    listener: z.string(),
    source: z.enum(['file', 'acme', 'on-demand', 'local', 'upload']).describe('Where it comes from.'),
    upload: z.string().nullable().describe('The name that it was uploaded under; null for all others.'),
    names: z.array(z.string()).readonly().describe('Those of the certificate, or those that one is wanted for.'),
    issuer: z.string().nullable().describe('Null, as is what follows, while there is no certificate yet.'),
    keyType: z.enum(['ecdsa', 'rsa', 'ed25519']).nullable(),
    fingerprint: z.string().nullable().describe('SHA-256 of the certificate, in hexadecimal.'),
    notBefore: time.nullable(),
    notAfter: time.nullable().describe('When it expires.'),
    stapledUntil: time.nullable().describe('Until when the OCSP response holds; null when it is not stapled.'),
    ocsp: z
      .enum(['good', 'revoked', 'unknown', 'none'])
      .nullable()
      .describe('What the OCSP responder says, `none` before it has; null for certificates that name none.'),
    nextRenewal: time.nullable().describe('When it is renewed or tried again; null for what is not renewed here.'),
    problem: z.string().describe("Why what was tried last has failed; '' when it has not."),
  })
  .readonly()
  .openapi('CertificateStatus');

export const certificateListSchema = z.object({ certificates: z.array(certificateStatusSchema).readonly() }).readonly();

export const certificateReloadSchema = z
  .object({ problems: z.array(z.string()).readonly().describe('What is wrong with files that cannot be used.') })
  .readonly()
  .openapi('CertificateReload');

export const certificateDoneSchema = z
  .object({ done: z.literal(true) })
  .readonly()
  .openapi('CertificateDone');

export const certificateNameSchema = z.object({
  name: z.string().openapi({ param: { name: 'name', in: 'query' }, example: 'www.example.com' }),
});

export const uploadPathSchema = z.object({
  listener: z.string().openapi({ param: { name: 'listener', in: 'path' }, example: 'secure' }),
  name: z.string().openapi({ param: { name: 'name', in: 'path' }, example: 'www' }),
});

export const uploadSchema = z
  .object({
    certificate: z.string().describe('In PEM, with those of intermediate authorities behind it.'),
    key: z.string().describe('Its private key in PEM.'),
  })
  .readonly()
  .openapi('CertificateUpload');

export type CertificateStatus = z.output<typeof certificateStatusSchema>;
export type Problem = z.output<typeof problemSchema>;
export type Readiness = z.output<typeof readySchema>;
export type WorkerStatus = z.output<typeof workerSchema>;
export type ListenerStatus = z.output<typeof listenerSchema>;
export type LastReload = z.output<typeof lastReloadSchema>;
export type GatewayStatus = z.output<typeof gatewayStatusSchema>;
export type EndpointState = z.output<typeof endpointStateSchema>;
export type HealthChange = z.output<typeof healthChangeSchema>;
export type EndpointStatus = z.output<typeof endpointStatusSchema>;
export type UpstreamStatus = z.output<typeof upstreamStatusSchema>;
export type ScalingSignal = z.output<typeof scalingSignalSchema>;
export type RouteStatus = z.output<typeof routeStatusSchema>;
export type ReloadResult = z.output<typeof reloadResultSchema>;
