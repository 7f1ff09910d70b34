// Attempts on other endpoints: where repeating is safe, and nowhere else.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { proxyTo, startTidegate } from '../support/gateway.ts';
import { type OnRequest, ok, startOrigin } from '../support/origin.ts';
import { closedPort } from '../support/ports.ts';
import { connectRaw } from '../support/raw-client.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const POST = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi';

test('a refused connection is tried at another endpoint, with any method', async (t) => {
  const origin = await startOrigin(t);
  const gateway = await startTidegate(t, proxyTo({ address: `127.0.0.1:${await closedPort()}` }, origin));
  const client = await connectRaw(t, gateway.port());
  for (const request of [GET, POST, GET, POST]) assert.equal((await client.request(request)).status, 200);
});

test('when all of a priority have failed the request, the next one is asked, and within it the balancer picks', async (t) => {
  const dead = [`127.0.0.1:${await closedPort()}`, `127.0.0.1:${await closedPort()}`];
  const backup = await startOrigin(t, () => ok('backup'));
  const last = await startOrigin(t, () => ok('last'));
  const gateway = await startTidegate(
    t,
    `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams:
  app:
    endpoints:
      - '${dead[0]}'
      - '${dead[1]}'
      - { address: '${last.address}', priority: 2 }
      - { address: '${backup.address}', backup: true }
    eject: { after: 0 }
`,
  );
  const client = await connectRaw(t, gateway.port());
  for (let turn = 0; turn < 3; turn++) assert.equal((await client.request(GET)).body, 'backup');
  assert.equal(last.requests.length, 0);
});

test('a reset before the response is repeated elsewhere for GET', async (t) => {
  const broken = await startOrigin(t, (_request, { socket }) => void socket.resetAndDestroy());
  const origin = await startOrigin(t);
  const gateway = await startTidegate(t, proxyTo(broken, origin));
  const client = await connectRaw(t, gateway.port());
  for (let turn = 0; turn < 4; turn++) assert.equal((await client.request(GET)).status, 200);
  assert.ok(broken.requests.length > 0);
  const record = (await gateway.untilRecords(4)).find(({ attempts }) => attempts === 2);
  assert.equal(record?.status, 200);
});

test('RFC 9110 9.2.2: a POST that was sent is not repeated', async (t) => {
  const broken = await startOrigin(t, (_request, { socket }) => void socket.resetAndDestroy());
  const origin = await startOrigin(t);
  const gateway = await startTidegate(t, proxyTo(broken, origin));
  const client = await connectRaw(t, gateway.port());
  const statuses: number[] = [];
  for (let turn = 0; turn < 4; turn++) statuses.push((await client.request(POST)).status);
  assert.deepEqual(statuses.toSorted(), [200, 200, 502, 502]);
  assert.equal(broken.requests.length + origin.requests.length, 4);
});

test('content that is whole before the first attempt is sent again as it was', async (t) => {
  const broken = await startOrigin(t, (_request, { socket }) => void socket.resetAndDestroy());
  const origin = await startOrigin(t, ({ body }) => ok(body));
  const gateway = await startTidegate(t, proxyTo(broken, origin));
  const client = await connectRaw(t, gateway.port());
  for (let turn = 0; turn < 4; turn++) {
    const response = await client.request('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello');
    assert.equal(response.body, 'hello');
  }
});

test('a response that has begun is never repeated', async (t) => {
  const breaksOff: OnRequest = (_request, { socket }) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf', () => setTimeout(() => socket.destroy(), 20));
    return undefined;
  };
  const origins = [await startOrigin(t, breaksOff), await startOrigin(t, breaksOff)];
  const gateway = await startTidegate(t, proxyTo(...origins));
  const client = await connectRaw(t, gateway.port());
  void client.send(GET);
  await assert.rejects(client.response());
  assert.equal(
    origins.reduce((sum, { requests }) => sum + requests.length, 0),
    1,
  );
});

test('attempts end at their limit', async (t) => {
  const reset = () => startOrigin(t, (_request, { socket }) => void socket.resetAndDestroy());
  const origins = [await reset(), await reset(), await reset(), await reset()];
  const gateway = await startTidegate(
    t,
    `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams:
  app: { endpoints: [${origins.map(({ address }) => `'${address}'`).join(', ')}], retry: { attempts: 2 } }
`,
  );
  const client = await connectRaw(t, gateway.port());
  assert.equal((await client.request(GET)).status, 502);
  assert.equal(
    origins.reduce((sum, { requests }) => sum + requests.length, 0),
    2,
  );
});

test('retries stay within their budget when everything fails', async (t) => {
  const reset = () => startOrigin(t, (_request, { socket }) => void socket.resetAndDestroy());
  const origins = [await reset(), await reset()];
  const gateway = await startTidegate(
    t,
    `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams:
  app: { endpoints: [${origins.map(({ address }) => `'${address}'`).join(', ')}], eject: { after: 0 } }
`,
  );
  const client = await connectRaw(t, gateway.port());
  const total = 1000;
  for (let turn = 0; turn < total; turn++) assert.equal((await client.request(GET)).status, 502);
  const attempts = origins.reduce((sum, { requests }) => sum + requests.length, 0);
  // 100 in reserve and 20 % of the requests.
  assert.ok(attempts <= total + 100 + total / 5 + 1, `${attempts}`);
  assert.ok(attempts > total + 100, `${attempts}`);
});

test('an endpoint that does not answer in time is 504, and the connection to it is closed', async (t) => {
  const origin = await startOrigin(t, () => undefined);
  const gateway = await startTidegate(
    t,
    `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['${origin.address}'], timeouts: { first-byte: 200ms } } }
`,
  );
  const client = await connectRaw(t, gateway.port());
  const response = await client.request(GET);
  assert.equal(response.status, 504);
  assert.match(response.field('proxy-status') ?? '', /error=connection_read_timeout/);
  await origin.connections[0]?.reader.rest();
  assert.equal(origin.requests.length, 1);
});

test('content of a response that stops coming breaks the connection of the client', async (t) => {
  const origin = await startOrigin(t, () => 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf');
  const gateway = await startTidegate(
    t,
    `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['${origin.address}'], timeouts: { idle: 200ms } } }
`,
  );
  const client = await connectRaw(t, gateway.port());
  void client.send(GET);
  await client.reader.until('half');
  await client.closed();
  const [record] = await gateway.untilRecords(1);
  assert.equal(record?.error, 'http_response_timeout');
});
