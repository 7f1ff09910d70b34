// The end of the gateway: what is under way is finished, up to a deadline.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTidegate } from '../support/gateway.ts';
import { type Origin, ok, startOrigin } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

const configuration = (origin: Origin, timeout: string) => `
drain: { timeout: ${timeout} }
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['${origin.address}'] } }
`;

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} lets the exchange under way end, closes idle connections and accepts no more`, async (t) => {
    let finish = () => {};
    const origin = await startOrigin(t, async ({ target }) => {
      if (target === '/slow') await new Promise<void>((resolve) => (finish = resolve));
      return ok('whole');
    });
    const gateway = await startTidegate(t, configuration(origin, '20s'));
    const [idle, busy] = [await connectRaw(t, gateway.port()), await connectRaw(t, gateway.port())];
    assert.equal((await idle.request(GET)).status, 200);
    const response = busy.request('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n');
    while (origin.last.target !== '/slow') await new Promise((resolve) => setTimeout(resolve, 5));
    gateway.child.kill(signal);
    assert.equal(await idle.closed(), '');
    await assert.rejects(connectRaw(t, gateway.port()));
    finish();
    assert.equal((await response).body, 'whole');
    assert.equal((await response).field('connection'), 'close');
    assert.equal(await gateway.exit, 0);
  });
}

test('at the deadline the rest is cut off, and the exit code is 0 all the same', async (t) => {
  const origin = await startOrigin(t, () => undefined);
  const gateway = await startTidegate(t, configuration(origin, '300ms'));
  const client = await connectRaw(t, gateway.port());
  await client.send(GET);
  while (origin.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(await gateway.stop(), 0);
  await client.closed();
});

test('a second signal does not wait for the deadline', async (t) => {
  const origin = await startOrigin(t, () => undefined);
  const gateway = await startTidegate(t, configuration(origin, '600s'));
  const client = await connectRaw(t, gateway.port());
  await client.send(GET);
  while (origin.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  gateway.child.kill('SIGTERM');
  await gateway.untilLogged('draining');
  gateway.child.kill('SIGTERM');
  await gateway.exit;
});

test('while it drains, the admin API says that it is not ready', async (t) => {
  const origin = await startOrigin(t, () => undefined);
  const gateway = await startTidegate(t, configuration(origin, '5s'));
  assert.equal((await gateway.adminFetch('/ready')).status, 200);
  const client = await connectRaw(t, gateway.port());
  await client.send(GET);
  while (origin.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  gateway.child.kill('SIGTERM');
  await gateway.untilLogged('draining');
  assert.equal((await gateway.adminFetch('/ready')).status, 503);
  client.abort();
  assert.equal(await gateway.exit, 0);
});

test('a reload while it drains is refused, and the end comes all the same', async (t) => {
  let finish = () => {};
  const origin = await startOrigin(t, async () => {
    await new Promise<void>((resolve) => (finish = resolve));
    return ok('whole');
  });
  const gateway = await startTidegate(t, configuration(origin, '20s'));
  const client = await connectRaw(t, gateway.port());
  const response = client.request(GET);
  while (origin.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  gateway.child.kill('SIGTERM');
  await gateway.untilLogged('draining');
  const answer = await gateway.adminFetch('/reload', 'POST');
  assert.equal(answer.status, 422);
  assert.match(await answer.text(), /the gateway is draining/);
  finish();
  assert.equal((await response).body, 'whole');
  assert.equal(await gateway.exit, 0);
});

test('records of the last exchanges are written before the end', async (t) => {
  const origin = await startOrigin(t);
  const gateway = await startTidegate(t, configuration(origin, '5s'));
  const client = await connectRaw(t, gateway.port());
  for (let turn = 0; turn < 10; turn++) await client.request(GET);
  await gateway.stop();
  assert.equal(gateway.records.length, 10);
});
