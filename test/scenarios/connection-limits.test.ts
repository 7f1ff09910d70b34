// How many connections a listener takes, of one client and in a time, and how long they last.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { writeProxyHeader } from '#wire/proxy-protocol/write-header.ts';
import { proxyTo, startTidegate, type TestGateway } from '../support/gateway.ts';
import { startOrigin } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** One listener `web` of HTTP and one `raw` of TCP before the same origin, with these settings. */
async function start(t: TestContext, settings: string, workers = 1): Promise<TestGateway> {
  const origin = await startOrigin(t);
  return await startTidegate(
    t,
    `
workers: ${workers}
listeners:
  web: { address: '127.0.0.1:0', ${settings} }
  raw: { address: '127.0.0.1:0', protocol: tcp, upstream: app, ${settings} }
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['${origin.address}'] } }
`,
  );
}

/** Resolves when the gateway has refused the connection, which may be as soon as it connects. */
async function isReset(t: TestContext, port: number, from = '127.0.0.1'): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', localAddress: from });
  t.after(() => socket.destroy());
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ECONNRESET');
}

const refusals = (gateway: TestGateway, listener: string, reason: string) =>
  gateway.metric(`tidegate_listener_refusals_total{listener="${listener}",reason="${reason}"}`);

for (const listener of ['web', 'raw']) {
  test(`${listener}: connections of one client above its number are reset, counted and recorded`, async (t) => {
    const gateway = await start(t, 'limits: { client-connections: 2 }');
    const port = gateway.port(listener);
    const first = await connectRaw(t, port);
    const second = await connectRaw(t, port);
    await first.request(GET);
    await second.request(GET);
    await isReset(t, port);
    const other = await connectRaw(t, port, { from: '127.0.0.2' });
    assert.equal((await other.request(GET)).status, 200);
    const record = await gateway.until(() => gateway.records.find(({ error }) => error === 'too-many-connections'));
    assert.equal(record.client, '127.0.0.1');
    assert.equal(record.listener, listener);
    assert.match(String(record.reason), /client-connections/);
    assert.equal(await refusals(gateway, listener, 'client-connections'), 1);
    first.abort();
    const active = `tidegate_listener_connections_active{listener="${listener}"}`;
    while ((await gateway.metric(active)) > 2) await new Promise((resolve) => setTimeout(resolve, 10));
    const third = await connectRaw(t, port);
    assert.equal((await third.request(GET)).status, 200);
  });

  test(`${listener}: new connections of a client above its rate are reset, over all workers`, async (t) => {
    const gateway = await start(t, 'limits: { client-rate: 3/h }', 2);
    const port = gateway.port(listener);
    for (let count = 0; count < 3; count++) {
      const client = await connectRaw(t, port);
      assert.equal((await client.request(GET)).status, 200);
    }
    await isReset(t, port);
    await isReset(t, port);
    assert.equal(await refusals(gateway, listener, 'client-rate'), 2);
    const other = await connectRaw(t, port, { from: '127.0.0.2' });
    assert.equal((await other.request(GET)).status, 200);
  });

  test(`${listener}: new connections above the rate of all are reset, whoever they come from`, async (t) => {
    const gateway = await start(t, 'limits: { rate: 2/h }');
    const port = gateway.port(listener);
    for (const from of ['127.0.0.2', '127.0.0.3']) {
      const client = await connectRaw(t, port, { from });
      assert.equal((await client.request(GET)).status, 200);
    }
    await isReset(t, port, '127.0.0.4');
    assert.equal(await refusals(gateway, listener, 'rate'), 1);
  });
}

test('behind a proxy the client is the one of its PROXY header', async (t) => {
  const gateway = await start(t, 'proxy-protocol: [127.0.0.1], limits: { client-connections: 1 }');
  const target = { address: '198.51.100.1', port: 443 };
  const dial = async (address: string) => {
    const client = await connectRaw(t, gateway.port('web'));
    const header = writeProxyHeader(2, { address, port: 4000 }, target);
    return { client, request: Buffer.concat([header, Buffer.from(GET)]).toString('latin1') };
  };
  const [one, other, again] = [await dial('203.0.113.1'), await dial('203.0.113.2'), await dial('203.0.113.1')];
  assert.equal((await one.client.request(one.request)).status, 200);
  assert.equal((await other.client.request(other.request)).status, 200);
  await again.client.send(again.request);
  const record = await gateway.until(() => gateway.records.find(({ error }) => error === 'too-many-connections'));
  assert.equal(record.client, '203.0.113.1');
});

test('a connection of HTTP/1.1 that is older than it may be ends in order behind its next request', async (t) => {
  const origin = await startOrigin(t);
  const gateway = await startTidegate(
    t,
    `
listeners: { web: { address: '127.0.0.1:0', timeouts: { lifetime: 1ms } } }
${proxyTo(origin)}`,
  );
  const client = await connectRaw(t, gateway.port());
  await new Promise((resolve) => setTimeout(resolve, 50));
  const response = await client.request(GET);
  assert.deepEqual([response.status, response.field('connection')], [200, 'close']);
  assert.equal(await client.closed(), '');
});

test('a TCP connection lasts no longer than its lifetime, however much it says', async (t) => {
  const origin = await startOrigin(t, undefined, { onConnection: ({ socket }) => socket.pipe(socket) });
  const gateway = await startTidegate(
    t,
    `
listeners: { raw: { address: '127.0.0.1:0', protocol: tcp, upstream: app, timeouts: { lifetime: 300ms } } }
upstreams: { app: { endpoints: ['${origin.address}'] } }
`,
  );
  const client = await connectRaw(t, gateway.port());
  const closed = client.closed();
  const talk = setInterval(() => client.socket.write('x'), 10);
  await closed;
  clearInterval(talk);
  const [record] = await gateway.untilRecords(1);
  assert.equal(record?.closed_by, 'lifetime');
  assert.equal(record?.status, 200);
  assert.equal(await gateway.metric('tidegate_deadlines'), 0);
});

test('a connection that is cut off at the end of the drain says so', async (t) => {
  const origin = await startOrigin(t, undefined, { onConnection: ({ socket }) => socket.pipe(socket) });
  const gateway = await startTidegate(
    t,
    `
drain: { timeout: 200ms }
listeners: { raw: { address: '127.0.0.1:0', protocol: tcp, upstream: app } }
upstreams: { app: { endpoints: ['${origin.address}'] } }
`,
  );
  const client = await connectRaw(t, gateway.port());
  const echo = once(client.socket, 'data');
  await client.send('x');
  await echo;
  assert.equal(await gateway.stop(), 0);
  assert.equal(gateway.records[0]?.closed_by, 'shutdown');
});
