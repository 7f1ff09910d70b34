// The parts of an upstream's configuration that say what happens when it fails, is slow or is full.
import { s } from '#schema/blocks.ts';

/** Idempotent methods (RFC 9110 9.2.2) that may have effects or content. */
const REPEATABLE_METHODS = ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'];

/** Bounds of `hedge.after` as a quantile. */
const QUANTILE = /^p([1-9][0-9]?(?:\.[0-9]+)?)$/;

const CONDITIONS = [
  'connect',
  'reset',
  'timeout',
  'gateway-error',
  '5xx',
  'grpc-cancelled',
  'grpc-deadline-exceeded',
  'grpc-internal',
  'grpc-resource-exhausted',
  'grpc-unavailable',
] as const;

export const retry = s.object({
  attempts: s.integer({ min: 1, max: 10 }).default(3).describe('Attempts in all, the first included.'),
  on: s
    .array(s.union([s.enum(CONDITIONS), s.integer({ min: 400, max: 599 })]))
    .default(['connect', 'reset', 'timeout'])
    .describe(
      'What is followed by another attempt: connect (no connection), reset (closed before the response), timeout (no response in time), gateway-error (502, 503 and 504), 5xx, or a status. With a status of gRPC, such as grpc-unavailable, calls of gRPC that end so without a message, or would by an error of the gateway, are repeated in spite of their method.',
    ),
  methods: s
    .array(s.method())
    .default(REPEATABLE_METHODS)
    .describe(
      'Methods of requests that may be sent twice; all others are repeated only when nothing of them was sent (RFC 9110 9.2.2).',
    ),
  'attempt-timeout': s
    .positiveDuration()
    .optional()
    .describe(
      'From the start of an attempt to its response head, waiting for a connection included; then another one is made. It stands still while the endpoint waits for content of the client, and begins anew when it is the endpoint that is waited for.',
    ),
  backoff: s
    .duration()
    .prefault('0ms')
    .describe(
      'The longest wait ahead of the second attempt, doubled for each further one; the wait is drawn at random.',
    ),
  'max-backoff': s.duration().prefault('1s').describe('What the doubling stops at.'),
  'body-limit': s
    .size()
    .prefault('64KiB')
    .describe('Request content that is kept so that it can be sent again; a request with more of it is sent once.'),
  'same-endpoint': s
    .boolean()
    .default(false)
    .describe('Whether an endpoint that has failed the request is tried again when no other is left.'),
  budget: s
    .percentage()
    .prefault('20%')
    .describe('Retries as a share of requests, over all workers; 100 are held in reserve.'),
});

export const hedge = s.object({
  after: s
    .union([
      s.checked(quantileProblem).transform((text) => ({ quantile: Number(text.slice(1)) / 100 })),
      s.duration().transform((ms) => ({ ms })),
    ])
    .describe(
      'Time without a response head, such as 200ms; or p95: the time within which 95 % of the last responses came, once 100 are known.',
    ),
});

export const grpc = s.object({
  'max-timeout': s
    .positiveDuration()
    .optional()
    .describe(
      'The longest that a call may take, also one whose client sets no deadline, or a later one. No limit by default.',
    ),
});

export const circuitBreaker = s.object({
  window: s.positiveDuration().prefault('10s').describe('Requests of so long a time are looked at.'),
  'min-requests': s
    .integer({ min: 1, max: 1e6 })
    .default(20)
    .describe('With fewer requests in the window the circuit stays closed.'),
  'error-rate': s
    .percentage()
    .prefault('50%')
    .describe('Share of requests without a response, or with a status of 500 or more, that opens the circuit.'),
  slow: s.duration().optional().describe('Time to the response head from which a request is slow.'),
  'slow-rate': s
    .percentage()
    .prefault('50%')
    .describe('Share of slow requests that opens the circuit, where slow is set.'),
  open: s
    .duration()
    .prefault('30s')
    .describe('How long all requests are answered 503; then some are let through to see.'),
  trials: s
    .integer({ min: 1, max: 1000 })
    .default(5)
    .describe('How many: when all end well the circuit closes, when one does not it opens again.'),
});

export const concurrency = s.object({
  limit: s
    .union([s.literal('adaptive'), s.integer({ min: 1, max: 1e6 })])
    .describe(
      'Requests under way at a time, over all workers; or adaptive: as many as the upstream takes without getting slower, found out from min on.',
    ),
  min: s.integer({ min: 1, max: 1e6 }).default(4).describe('The least an adaptive limit can be.'),
  max: s.integer({ min: 1, max: 1e6 }).default(1000).describe('The most an adaptive limit can be.'),
  tolerance: s
    .number({ min: 1, max: 100 })
    .default(2)
    .describe(
      'Median latency at which an adaptive limit ceases to grow, in multiples of the best of the last five minutes.',
    ),
  'max-waiting': s
    .integer({ min: 0, max: 1e6 })
    .default(1024)
    .describe(
      'Requests of one worker that wait for their turn, by the priority of their route; beyond that the least important is answered 503.',
    ),
  'wait-timeout': s.duration().prefault('1s').describe('How long they wait.'),
});

function quantileProblem(text: string): string | undefined {
  return QUANTILE.test(text)
    ? undefined
    : `"${text}" is neither a duration such as "200ms" nor a quantile such as "p95"`;
}
