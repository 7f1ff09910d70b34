// The signal for autoscalers over real requests, as JSON and as metrics.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfiguration, referencesFor } from '#config/load.ts';
import { startTidegate } from '../support/gateway.ts';
import { ok, startOrigin } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

interface Signal {
  readonly inFlight: number;
  readonly waiting: number;
  readonly latencyMs: { readonly p50: number | null };
  readonly capacity: number;
  readonly desired: number;
}

test('what is in flight and what waits decide how many endpoints are asked for', async (t) => {
  let answer = (): void => {};
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const origin = await startOrigin(t, async () => {
    await answered;
    return ok();
  });
  const gateway = await startTidegate(
    t,
    `
workers: 1
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams:
  app:
    endpoints: ['${origin.address}']
    pool: { max-connections: 4, wait-timeout: 60s }
    scaling: { target-in-flight: 2, window: 10s }
`,
  );
  const clients = await Promise.all(Array.from({ length: 9 }, () => connectRaw(t, gateway.port())));
  const responses = clients.map((client) => client.request(GET));
  const busy = await gateway.untilAdmin<Signal>('/upstreams/app/scaling', ({ desired }) => desired === 5);
  assert.deepEqual([busy.inFlight, busy.waiting, busy.capacity], [4, 5, 2]);
  assert.equal(await gateway.metric('tidegate_upstream_desired_endpoints{upstream="app"}'), 5);
  assert.equal(await gateway.metric('tidegate_upstream_in_flight{upstream="app"}'), 4);
  assert.equal(await gateway.metric('tidegate_upstream_waiting{upstream="app"}'), 5);
  assert.equal(await gateway.metric('tidegate_upstream_capacity{upstream="app"}'), 2);
  answer();
  for (const response of responses) assert.equal((await response).status, 200);
  const idle = await gateway.untilAdmin<Signal>('/upstreams/app/scaling', ({ desired }) => desired === 1);
  assert.deepEqual([idle.inFlight, idle.waiting], [0, 0]);
  assert.ok((await gateway.metric('tidegate_upstream_usable_endpoints{upstream="app"}')) === 1);
});

test('bounds that contradict each other and windows out of range are told', (t) => {
  const problems = (scaling: string) => {
    const text = `version: 1
listeners: { web: { address: '127.0.0.1:0' } }
upstreams: { app: { endpoints: ['127.0.0.1:1'], scaling: { target-in-flight: 1, ${scaling} } } }`;
    try {
      parseConfiguration(text, referencesFor('.', {}));
      return [];
    } catch (error) {
      return (error as { problems: { message: string }[] }).problems.map(({ message }) => message);
    }
  };
  t.assert.deepEqual(problems('min: 2, max: 2'), []);
  t.assert.deepEqual(problems('min: 3, max: 2'), ['2 is less than min, 3']);
  t.assert.deepEqual(problems('window: 1s'), ['must be from 10s to 1h']);
});
