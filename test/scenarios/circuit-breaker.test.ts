// A circuit opens for an upstream that fails, tells so, and closes when it is well again; over all workers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTidegate } from '../support/gateway.ts';
import { ok, startOrigin } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const FAILURE = 'HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n';

test('it opens, refuses with a reason, lets trials through, and closes', async (t) => {
  let broken = true;
  const origin = await startOrigin(t, () => (broken ? FAILURE : ok()));
  const gateway = await startTidegate(
    t,
    `
workers: 2
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams:
  app:
    endpoints: ['${origin.address}']
    circuit-breaker: { min-requests: 10, open: 500ms, trials: 2 }
`,
  );
  const request = async () => {
    const client = await connectRaw(t, gateway.port());
    return client.request(GET);
  };
  const circuit = async () => (await gateway.admin<{ circuit: string }>('/upstreams/app')).circuit;
  for (let turn = 0; turn < 9; turn++) assert.equal((await request()).status, 500);
  assert.equal(await circuit(), 'closed');
  assert.equal((await request()).status, 500);
  assert.equal(await circuit(), 'open');
  const refused = await request();
  assert.equal(refused.status, 503);
  assert.match(refused.field('retry-after') ?? '', /^1$/);
  assert.equal(origin.requests.length, 10);
  const { reason } = await gateway.untilLogged('circuit is open');
  assert.equal(reason, '10 of 10 failed');
  assert.equal(await gateway.metric('tidegate_upstream_circuit_refused_total{upstream="app"}'), 1);
  assert.equal(await gateway.metric('tidegate_upstream_circuit_state{upstream="app"}'), 2);
  broken = false;
  await gateway.untilAdmin<{ circuit: string }>('/upstreams/app', (upstream) => upstream.circuit === 'half-open');
  for (let turn = 0; turn < 2; turn++) assert.equal((await request()).status, 200);
  assert.equal(await circuit(), 'closed');
  const records = await gateway.untilRecords(13);
  assert.equal(records.find(({ status }) => status === 503)?.error, 'circuit-open');
});

test('clients that leave open no circuit', async (t) => {
  const origin = await startOrigin(t, ({ target }) => (target === '/' ? undefined : ok()));
  const gateway = await startTidegate(
    t,
    `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['${origin.address}'], circuit-breaker: { min-requests: 1 } } }
`,
  );
  for (let turn = 1; turn <= 3; turn++) {
    const client = await connectRaw(t, gateway.port());
    await client.send(GET);
    await origin.untilRequested(turn);
    client.abort();
  }
  await gateway.untilRecords(3);
  const client = await connectRaw(t, gateway.port());
  assert.equal((await client.request(GET.replace('/', '/well'))).status, 200);
});
