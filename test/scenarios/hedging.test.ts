// Second attempts beside slow ones: who gets them, and that exactly one response counts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTidegate } from '../support/gateway.ts';
import { type OnRequest, type Origin, ok, startOrigin } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const POST = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi';
const silent: OnRequest = () => undefined;

const configuration = (origins: readonly Origin[], options: string) => `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams:
  app: { balancer: first-fit, endpoints: [${origins.map(({ address }) => `'${address}'`).join(', ')}], ${options} }
`;

test('the response that comes first counts, and the other attempt is given up', async (t) => {
  const slow = await startOrigin(t, silent);
  const quick = await startOrigin(t, () => ok('quick'));
  const gateway = await startTidegate(t, configuration([slow, quick], 'hedge: { after: 50ms }'));
  const client = await connectRaw(t, gateway.port());
  assert.equal((await client.request(GET)).body, 'quick');
  await slow.connections[0]?.reader.rest();
  const [record] = await gateway.untilRecords(1);
  assert.deepEqual([record?.attempts, record?.endpoint], [2, quick.address]);
  assert.equal(await gateway.metric('tidegate_upstream_hedges_total{upstream="app"}'), 1);
  for (const { address } of [slow, quick]) {
    const inFlight = `tidegate_endpoint_in_flight{upstream="app",endpoint="${address}"}`;
    assert.equal(await gateway.metric(inFlight), 0);
  }
});

test('the first attempt may still win', async (t) => {
  const second = await startOrigin(t, silent);
  const first = await startOrigin(t, async () => {
    await second.untilConnected();
    return ok('first');
  });
  const gateway = await startTidegate(t, configuration([first, second], 'hedge: { after: 20ms }'));
  const client = await connectRaw(t, gateway.port());
  assert.equal((await client.request(GET)).body, 'first');
  await second.connections[0]?.reader.rest();
});

test('when one of two fails, the other goes on', async (t) => {
  const second = await startOrigin(t, (_request, { socket }) => void socket.resetAndDestroy());
  const first = await startOrigin(t, async () => {
    await second.untilRequested(1);
    // Time for the failure to come.
    await new Promise((resolve) => setTimeout(resolve, 50));
    return ok('first');
  });
  const gateway = await startTidegate(t, configuration([first, second], 'hedge: { after: 20ms }'));
  const client = await connectRaw(t, gateway.port());
  assert.equal((await client.request(GET)).body, 'first');
});

test('when both fail, the client is told once', async (t) => {
  const second = await startOrigin(t, (_request, { socket }) => void socket.resetAndDestroy());
  const first = await startOrigin(t, async (_request, { socket }) => {
    await second.untilConnected();
    socket.resetAndDestroy();
    return undefined;
  });
  const gateway = await startTidegate(t, configuration([first, second], 'hedge: { after: 20ms }'));
  const client = await connectRaw(t, gateway.port());
  assert.equal((await client.request(GET)).status, 502);
  assert.equal((await gateway.untilRecords(1)).length, 1);
});

test('with one endpoint, a kept connection that turns out dead after the delay is replaced all the same', async (t) => {
  const origin = await startOrigin(t, async (request, { socket }) => {
    if (request.connection > 0 || origin.requests.length === 1) return ok();
    await new Promise((resolve) => setTimeout(resolve, 100));
    socket.resetAndDestroy();
    return undefined;
  });
  const gateway = await startTidegate(t, configuration([origin], 'hedge: { after: 20ms }'));
  const client = await connectRaw(t, gateway.port());
  for (let turn = 0; turn < 2; turn++) assert.equal((await client.request(GET)).status, 200);
  assert.equal(origin.connections.length, 2);
});

test('a request that must not be sent twice is not', async (t) => {
  let answer = () => {};
  const slow = await startOrigin(t, async () => {
    await new Promise<void>((resolve) => {
      answer = resolve;
      // Long after the second attempt would have been made.
      setTimeout(resolve, 200);
    });
    return ok('slow');
  });
  const other = await startOrigin(t);
  const gateway = await startTidegate(t, configuration([slow, other], 'hedge: { after: 20ms }'));
  const client = await connectRaw(t, gateway.port());
  assert.equal((await client.request(POST)).body, 'slow');
  assert.equal(other.connections.length, 0);
  answer();
});

test('a client that leaves ends both attempts', async (t) => {
  const origins = [await startOrigin(t, silent), await startOrigin(t, silent)];
  const gateway = await startTidegate(t, configuration(origins, 'hedge: { after: 20ms }'));
  const client = await connectRaw(t, gateway.port());
  await client.send(GET);
  await origins[1]?.untilConnected();
  client.abort();
  for (const origin of origins) await origin.connections[0]?.reader.rest();
  const [record] = await gateway.untilRecords(1);
  assert.equal(record?.error, 'client-closed');
});

test('with a quantile, attempts slower than most others get a second one', async (t) => {
  let stuck = false;
  const first = await startOrigin(t, () => (stuck ? undefined : ok('first')));
  const second = await startOrigin(t, () => ok('second'));
  const gateway = await startTidegate(
    t,
    configuration([first, second], 'hedge: { after: p99 }, retry: { budget: 100% }'),
  );
  const client = await connectRaw(t, gateway.port());
  for (let turn = 0; turn < 200; turn++) assert.equal((await client.request(GET)).status, 200);
  stuck = true;
  assert.equal((await client.request(GET)).body, 'second');
});
