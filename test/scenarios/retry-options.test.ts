// What a retry policy can be told: outcomes, methods, time of one attempt, content that is sent again, the same endpoint.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTidegate } from '../support/gateway.ts';
import { type OnRequest, type Origin, ok, startOrigin } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const POST = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi';
const status = (code: number, body = '') => `HTTP/1.1 ${code} X\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const reset: OnRequest = (_request, { socket }) => void socket.resetAndDestroy();

const configuration = (origins: readonly Origin[], retry: string) => `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams:
  app:
    balancer: first-fit
    endpoints: [${origins.map(({ address }) => `'${address}'`).join(', ')}]
    eject: { after: 0 }
    retry: { ${retry} }
`;

test('a status is repeated elsewhere where that is configured, and the first response is given up', async (t) => {
  const busy = await startOrigin(t, () => status(503, 'busy'));
  const origin = await startOrigin(t, () => ok('well'));
  const gateway = await startTidegate(t, configuration([busy, origin], 'on: [connect, gateway-error]'));
  const client = await connectRaw(t, gateway.port());
  const response = await client.request(GET);
  assert.deepEqual([response.status, response.body], [200, 'well']);
  assert.equal((await client.request(POST)).status, 503);
});

test('a long response that is given up does not stop the next attempt', async (t) => {
  const busy = await startOrigin(t, () => `HTTP/1.1 503 X\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(1000)}`);
  const origin = await startOrigin(t, () => ok('well'));
  const gateway = await startTidegate(t, configuration([busy, origin], 'on: [503]'));
  const client = await connectRaw(t, gateway.port());
  assert.equal((await client.request(GET)).body, 'well');
  await busy.connections[0]?.reader.rest();
});

test('when all give the status, the client gets the last response with its content', async (t) => {
  const origins = [await startOrigin(t, () => status(503, 'one')), await startOrigin(t, () => status(503, 'two'))];
  const gateway = await startTidegate(t, configuration(origins, 'on: [503]'));
  const client = await connectRaw(t, gateway.port());
  const response = await client.request(GET);
  assert.deepEqual([response.status, response.body], [503, 'two']);
  assert.deepEqual(
    origins.map(({ requests }) => requests.length),
    [1, 1],
  );
});

test('outcomes that are not named are not repeated', async (t) => {
  const origins = [await startOrigin(t, reset), await startOrigin(t)];
  const gateway = await startTidegate(t, configuration(origins, 'on: [connect]'));
  const client = await connectRaw(t, gateway.port());
  assert.equal((await client.request(GET)).status, 502);
});

test('a method that an operator names is repeated', async (t) => {
  const origins = [await startOrigin(t, reset), await startOrigin(t, ({ body }) => ok(body))];
  const gateway = await startTidegate(t, configuration(origins, 'methods: [GET, POST]'));
  const client = await connectRaw(t, gateway.port());
  const response = await client.request(POST);
  assert.deepEqual([response.status, response.body], [200, 'hi']);
});

test('an attempt that takes too long is left for another one', async (t) => {
  const silent = await startOrigin(t, () => undefined);
  const origin = await startOrigin(t, () => ok('well'));
  const gateway = await startTidegate(t, configuration([silent, origin], 'attempt-timeout: 100ms'));
  const client = await connectRaw(t, gateway.port());
  assert.equal((await client.request(GET)).body, 'well');
  await silent.connections[0]?.reader.rest();
  const [record] = await gateway.untilRecords(1);
  assert.deepEqual([record?.attempts, record?.endpoint], [2, origin.address]);
});

test('a client that is slow to send its content has the time it needs; the endpoint has it from the last of that on', async (t) => {
  let isSilent = false;
  const origin = await startOrigin(t, ({ body }) => (isSilent ? undefined : ok(body)));
  const gateway = await startTidegate(t, configuration([origin], 'attempt-timeout: 200ms'));
  const client = await connectRaw(t, gateway.port());
  const send = async () => {
    await client.send('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nsl');
    await new Promise((resolve) => setTimeout(resolve, 500));
    await client.send('ow');
    return client.response();
  };
  assert.equal((await send()).body, 'slow');
  isSilent = true;
  assert.equal((await send()).status, 504);
});

test('streaming content is sent again from its beginning', async (t) => {
  // The first origin breaks when it has had a part of the content, the second gets all of it.
  const broken = await startOrigin(t, () => undefined, {
    onConnection: ({ socket, reader }) => void reader.until('first').then(() => socket.resetAndDestroy()),
  });
  const origin = await startOrigin(t, ({ body }) => ok(body));
  const gateway = await startTidegate(t, configuration([broken, origin], 'attempts: 2'));
  const client = await connectRaw(t, gateway.port());
  await client.send('PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n');
  await origin.untilConnected();
  await client.send('7\r\n second\r\n0\r\n\r\n');
  const response = await client.response();
  assert.deepEqual([response.status, response.body], [200, 'first second']);
});

test('content beyond body-limit is sent once', async (t) => {
  const broken = await startOrigin(t, () => undefined, {
    onConnection: ({ socket, reader }) => void reader.until('second').then(() => socket.resetAndDestroy()),
  });
  const origin = await startOrigin(t);
  const gateway = await startTidegate(t, configuration([broken, origin], 'body-limit: 8B'));
  const client = await connectRaw(t, gateway.port());
  await client.send('PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n');
  await broken.untilConnected();
  await client.send('7\r\n second\r\n');
  assert.equal((await client.response()).status, 502);
  assert.equal(origin.connections.length, 0);
});

test('the only endpoint is tried again where that is configured, and not otherwise', async (t) => {
  let times = 0;
  const origin = await startOrigin(t, (request, connection) => (++times % 2 === 1 ? reset(request, connection) : ok()));
  const again = await startTidegate(t, configuration([origin], 'same-endpoint: true, backoff: 20ms'));
  assert.equal((await (await connectRaw(t, again.port())).request(GET)).status, 200);
  const once = await startTidegate(t, configuration([origin], 'attempts: 3'));
  assert.equal((await (await connectRaw(t, once.port())).request(GET)).status, 502);
});

test('a client that leaves during the wait ahead of an attempt ends the exchange', async (t) => {
  const origins = [await startOrigin(t, reset), await startOrigin(t, reset)];
  const gateway = await startTidegate(t, configuration(origins, 'backoff: 1h, max-backoff: 1h'));
  const client = await connectRaw(t, gateway.port());
  await client.send(GET);
  while ((await gateway.metric('tidegate_upstream_retries_total{upstream="app"}')) === 0);
  client.abort();
  const [record] = await gateway.untilRecords(1);
  assert.equal(record?.error, 'client-closed');
  assert.equal(origins[1]?.connections.length, 0);
});

test('a client that is slow to send is no fault of the endpoint: neither its time nor its latency', async (t) => {
  const origin = await startOrigin(t, ({ body }) => ok(body));
  const gateway = await startTidegate(
    t,
    `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams:
  app:
    endpoints: ['${origin.address}']
    retry: { attempt-timeout: 100ms }
    circuit-breaker: { min-requests: 1, slow: 100ms, slow-rate: 1% }
`,
  );
  const client = await connectRaw(t, gateway.port());
  await client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nsl');
  await origin.untilConnected();
  // Far longer than an attempt may take.
  await new Promise((resolve) => setTimeout(resolve, 400));
  await client.send('ow');
  const response = await client.response();
  assert.deepEqual([response.status, response.body], [200, 'slow']);
  assert.equal((await gateway.admin<{ circuit: string }>('/upstreams/app')).circuit, 'closed');
});

test('the time of an attempt whose content streams begins when all of it is sent', async (t) => {
  const silent = await startOrigin(t, () => undefined);
  const origin = await startOrigin(t, ({ body }) => ok(body));
  const gateway = await startTidegate(t, configuration([silent, origin], 'attempt-timeout: 100ms'));
  const client = await connectRaw(t, gateway.port());
  await client.send('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nsl');
  await silent.untilConnected();
  await client.send('ow');
  const response = await client.response();
  assert.deepEqual([response.status, response.body], [200, 'slow']);
});
