// Connections kept to endpoints: an endpoint that closes one is never a client's error.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { proxyTo, startTidegate } from '../support/gateway.ts';
import { ok, startOrigin } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const POST = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi';

for (const [name, request] of Object.entries({ GET, POST })) {
  test(`an endpoint that closes behind each response without saying so costs no ${name}`, async (t) => {
    const origin = await startOrigin(t, (_request, { socket }) => void socket.end(ok()));
    const gateway = await startTidegate(t, proxyTo(origin));
    const client = await connectRaw(t, gateway.port());
    for (let turn = 0; turn < 100; turn++) assert.equal((await client.request(request)).status, 200, `turn ${turn}`);
    assert.equal(origin.requests.length, 100, 'a request was sent twice');
  });

  test(`what an endpoint sends unasked behind a response is no answer to the next ${name}`, async (t) => {
    const origin = await startOrigin(t, () => `${ok('asked')}${ok('unasked')}`);
    const gateway = await startTidegate(t, proxyTo(origin));
    const client = await connectRaw(t, gateway.port());
    for (let turn = 0; turn < 20; turn++) assert.equal((await client.request(request)).body, 'asked', `turn ${turn}`);
  });

  test(`nor is what it sends a moment later to the next ${name}`, async (t) => {
    const origin = await startOrigin(t, (_request, { socket }) => {
      setTimeout(() => socket.write(ok('unasked')), 5);
      return ok('asked');
    });
    const gateway = await startTidegate(t, proxyTo(origin));
    const client = await connectRaw(t, gateway.port());
    for (let turn = 0; turn < 20; turn++) {
      assert.equal((await client.request(request)).body, 'asked', `turn ${turn}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  });
}

test('RFC 9112 6.3: bytes behind the end of a long response are no answer to the next request', async (t) => {
  const origin = await startOrigin(t, ({ target }, { socket }) => {
    if (target !== '/long') return ok('right');
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n${'x'.repeat(10_000)}`);
    setTimeout(() => socket.write(`${'x'.repeat(10_000)}${ok('wrong').slice(0, 20)}`), 30);
    setTimeout(() => socket.write(ok('wrong').slice(20)), 80);
    return undefined;
  });
  const gateway = await startTidegate(
    t,
    `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['${origin.address}'], pool: { max-connections: 1 } } }
`,
  );
  const first = await connectRaw(t, gateway.port());
  await first.send('GET /long HTTP/1.1\r\nHost: a\r\n\r\n');
  while (origin.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  // Waits for the one connection, and would get it at once.
  const second = await connectRaw(t, gateway.port());
  assert.equal((await second.request('GET /next HTTP/1.1\r\nHost: a\r\n\r\n')).body, 'right');
  assert.equal((await first.response()).body.length, 20_000);
  assert.equal(origin.last.connection, 1);
});

test('an endpoint that closes when the next request arrives costs no GET', async (t) => {
  const served = new Set<number>();
  const origin = await startOrigin(t, ({ connection }, { socket }) => {
    if (served.has(connection)) {
      socket.destroy();
      return undefined;
    }
    served.add(connection);
    return ok();
  });
  const gateway = await startTidegate(t, proxyTo(origin));
  const client = await connectRaw(t, gateway.port());
  for (let turn = 0; turn < 50; turn++) assert.equal((await client.request(GET)).status, 200, `turn ${turn}`);
});

test('a POST takes no connection that has been idle for long', async (t) => {
  const served = new Set<number>();
  const origin = await startOrigin(t, ({ connection, method }, { socket }) => {
    if (method === 'POST' && served.has(connection)) socket.destroy();
    served.add(connection);
    return ok();
  });
  const gateway = await startTidegate(t, proxyTo(origin));
  const client = await connectRaw(t, gateway.port());
  assert.equal((await client.request(GET)).status, 200);
  await new Promise((resolve) => setTimeout(resolve, 1200));
  assert.equal((await client.request(POST)).status, 200);
  assert.equal(origin.connections.length, 2);
});

test('a timeout that the endpoint names in Keep-Alive is kept, with a second to spare', async (t) => {
  const origin = await startOrigin(t, () => ok('', 'Keep-Alive: timeout=1\r\n'));
  const gateway = await startTidegate(t, proxyTo(origin));
  const client = await connectRaw(t, gateway.port());
  assert.equal((await client.request(GET)).status, 200);
  // The gateway closes its side first, before the endpoint would.
  assert.equal(await origin.connections[0]?.reader.rest(), '');
});

test('an endpoint that is started anew serves at once', async (t) => {
  const origin = await startOrigin(t);
  const gateway = await startTidegate(t, proxyTo(origin));
  const client = await connectRaw(t, gateway.port());
  const { port } = origin;
  assert.equal((await client.request(GET)).status, 200);
  await origin.stop('reset');
  assert.equal((await client.request(GET)).status, 502);
  await startOrigin(t, undefined, { port });
  assert.equal((await client.request(GET)).status, 200);
  assert.equal((await client.request(POST)).status, 200);
});
