// The tables of `tidegate status`.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndpointState, EndpointStatus } from '#schema/admin-schemas.ts';
import { formatStatus } from './format-status.ts';

function endpoint(name: string, status: EndpointState): EndpointStatus {
  return { name, status, weight: 1, reason: '', inFlight: 0, requests: 0, failures: 0, ejections: 0, history: [] };
}

test('tables have aligned columns, numbers at the right', () => {
  const text = formatStatus({
    version: '0.1.0',
    pid: 7,
    startedAt: '2026-01-01T00:00:00.000Z',
    uptimeMs: 61_000,
    generation: 2,
    file: 'tidegate.yaml',
    workers: [
      { index: 0, state: 'ready' },
      { index: 1, state: 'starting' },
    ],
    listeners: [
      {
        name: 'web',
        address: '127.0.0.1:8080',
        protocol: 'http',
        connections: 3,
        accepted: 1234,
        refused: 5,
        receivedBytes: 0,
        sentBytes: 0,
      },
    ],
    lastReload: { time: '2026-01-01T00:01:00.000Z', ok: false, problems: ['tidegate.yaml:1:1: no'] },
    draining: false,
    upstreams: [
      {
        name: 'api',
        balancer: 'round-robin',
        circuit: 'half-open',
        concurrency: { limit: 10, inFlight: 10, waiting: 4 },
        inFlight: 10,
        waiting: 4,
        endpoints: [endpoint('10.0.0.1:80', 'healthy'), endpoint('10.0.0.2:80', 'warming')],
      },
      {
        name: 'asleep',
        balancer: 'random',
        circuit: null,
        concurrency: null,
        inFlight: 0,
        waiting: 1,
        endpoints: [],
      },
    ],
    routes: [
      {
        name: 'api',
        match: '/api/*',
        action: 'upstream api',
        requests: { total: 10, '1xx': 0, '2xx': 8, '3xx': 0, '4xx': 2, '5xx': 0 },
        latencyMs: { p50: 1.234, p99: null },
      },
    ],
  });
  assert.equal(
    text,
    `tidegate 0.1.0, process 7, up 1m 1s
1 of 2 workers ready, configuration 2 of tidegate.yaml
The reload at 2026-01-01T00:01:00.000Z changed nothing:
tidegate.yaml:1:1: no

LISTENER  ADDRESS         PROTOCOL  OPEN  ACCEPTED  REFUSED
web       127.0.0.1:8080  http         3      1234        5

ROUTE  MATCH   ACTION        REQUESTS  4XX  5XX  P50    P99
api    /api/*  upstream api        10    2    0  1.2ms  -

UPSTREAM  BALANCER     USABLE  CIRCUIT    IN FLIGHT  LIMIT  WAITING
api       round-robin  1 of 2  half-open         10     10        4
asleep    random       0 of 0  -                  0      -        1

UPSTREAM  ENDPOINT     HEALTH   IN FLIGHT  REQUESTS  FAILURES  EJECTIONS  REASON
api       10.0.0.1:80  healthy          0         0         0          0
api       10.0.0.2:80  warming          0         0         0          0
`,
  );
});
