// The PROXY protocol in both directions: with bytes by hand, and with HAProxy and nginx as peers.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { writeProxyHeader } from '#wire/proxy-protocol/write-header.ts';
import { startTidegate } from '../support/gateway.ts';
import { type Origin, startOrigin } from '../support/origin.ts';
import { missing, startPeer } from '../support/peers.ts';
import { closedPort } from '../support/ports.ts';
import { connectRaw } from '../support/raw-client.ts';

const CLIENT = { address: '203.0.113.7', port: 40_000 };
const TARGET = { address: '198.51.100.1', port: 443 };
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

const behindProxies = (origin: Origin, prefixes = '[127.0.0.1]') => `
listeners: { web: { address: '127.0.0.1:0', proxy-protocol: ${prefixes}, timeouts: { head: 500ms } } }
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['${origin.address}'] } }
`;

for (const version of [1, 2] as const) {
  test(`version ${version}: the client is the one that the header names, for records and endpoints`, async (t) => {
    const origin = await startOrigin(t);
    const gateway = await startTidegate(t, behindProxies(origin));
    const client = await connectRaw(t, gateway.port());
    await client.sendSplit(writeProxyHeader(version, CLIENT, TARGET).toString('latin1'), 5);
    assert.equal((await client.request(GET)).status, 200);
    assert.equal((await client.request(GET)).status, 200);
    assert.equal(origin.last.field('x-forwarded-for'), CLIENT.address);
    const [record] = await gateway.untilRecords(2);
    assert.equal(record?.client, CLIENT.address);
  });
}

test('a request in the same packet as the header is served', async (t) => {
  const origin = await startOrigin(t);
  const gateway = await startTidegate(t, behindProxies(origin));
  const client = await connectRaw(t, gateway.port());
  const header = writeProxyHeader(1, CLIENT, TARGET).toString('latin1');
  assert.equal((await client.request(header + GET)).status, 200);
  assert.equal(origin.last.field('x-forwarded-for'), CLIENT.address);
});

const refusals = (reason: string) => `tidegate_listener_refusals_total{listener="web",reason="${reason}"}`;

for (const [what, bytes, reason] of [
  ['without a header', GET, /does not begin/],
  ['with a malformed header', 'PROXY TCP4 x y 1 2\r\n', /two addresses/],
  ['with a header that does not end', 'PROXY TCP4 192.0.2.1', /in time/],
] as const) {
  test(`a connection ${what} is reset, with a record that says why`, async (t) => {
    const origin = await startOrigin(t);
    const gateway = await startTidegate(t, behindProxies(origin));
    const client = await connectRaw(t, gateway.port());
    await client.send(bytes);
    assert.equal(await client.closed().catch(() => ''), '');
    const [record] = await gateway.untilRecords(1);
    assert.equal(record?.error, 'proxy-header-invalid');
    assert.match(String(record?.reason), reason);
    assert.equal(await gateway.metric(refusals('proxy-header-invalid')), 1);
    assert.equal(origin.connections.length, 0);
    assert.equal(await gateway.metric('tidegate_listener_connections_active{listener="web"}'), 0);
  });
}

test('a client that breaks off before its header is whole is in the records', async (t) => {
  const origin = await startOrigin(t);
  const gateway = await startTidegate(t, behindProxies(origin));
  const client = await connectRaw(t, gateway.port());
  await client.send('PROXY TCP4 192.0.2.1');
  // Before the gateway has taken it, it would be gone without an address.
  while ((await gateway.metric('tidegate_listener_connections_active{listener="web"}')) === 0)
    await new Promise((resolve) => setTimeout(resolve, 10));
  client.abort();
  const [record] = await gateway.untilRecords(1);
  assert.equal(record?.error, 'client-closed');
  assert.equal(record?.client, '127.0.0.1');
  assert.equal(await gateway.metric('tidegate_listener_connections_active{listener="web"}'), 0);
});

test('a header from an address that is no proxy ends the connection', async (t) => {
  const origin = await startOrigin(t);
  const gateway = await startTidegate(t, behindProxies(origin, '[192.0.2.0/24]'));
  // The reset may come so soon that connecting fails already.
  const socket = connect(gateway.port(), '127.0.0.1').on('error', () => {});
  t.after(() => socket.destroy());
  assert.equal((await gateway.untilRecords(1))[0]?.error, 'proxy-header-untrusted');
  assert.equal(await gateway.metric(refusals('proxy-header-untrusted')), 1);
  assert.equal(origin.connections.length, 0);
});

/** A server that answers each connection with the first bytes it got. */
async function startListening(t: TestContext) {
  const heads: Buffer[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (bytes: Buffer) => {
      heads.push(bytes);
      socket.end('done');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { heads, address: `127.0.0.1:${(server.address() as { port: number }).port}` };
}

test('an endpoint of a TCP listener is told whose connection it gets', async (t) => {
  const server = await startListening(t);
  const gateway = await startTidegate(
    t,
    `
listeners: { db: { address: '127.0.0.1:0', protocol: tcp, upstream: db } }
upstreams: { db: { endpoints: ['${server.address}'], send-proxy-protocol: v1 } }
`,
  );
  const client = await connectRaw(t, gateway.port(), { from: '127.0.0.9' });
  await client.send('hello');
  assert.equal(await client.closed(), 'done');
  const text = server.heads[0]?.toString() ?? '';
  assert.match(text, new RegExp(`^PROXY TCP4 127\\.0\\.0\\.9 127\\.0\\.0\\.1 \\d+ ${gateway.port()}\r\n`));
});

for (const version of ['send-proxy', 'send-proxy-v2', 'send-proxy-v2 proxy-v2-options crc32c,unique-id']) {
  test(`HAProxy passes a client on with ${version}`, { skip: missing('haproxy') }, async (t) => {
    const origin = await startOrigin(t);
    const gateway = await startTidegate(t, behindProxies(origin));
    const port = await closedPort();
    await startPeer(
      t,
      'haproxy',
      port,
      () => `defaults
  mode tcp
  timeout connect 2s
  timeout client 5s
  timeout server 5s
listen front
  bind 127.0.0.1:${port}
  server gateway 127.0.0.1:${gateway.port()} ${version}
`,
    );
    const client = await connectRaw(t, port, { from: '127.0.0.7' });
    assert.equal((await client.request(GET)).status, 200);
    assert.equal(origin.last.field('x-forwarded-for'), '127.0.0.7');
  });
}

for (const version of ['v1', 'v2']) {
  test(`HAProxy takes the client from ${version}`, { skip: missing('haproxy') }, async (t) => {
    const port = await closedPort();
    await startPeer(
      t,
      'haproxy',
      port,
      () => `defaults
  mode http
  timeout connect 2s
  timeout client 5s
  timeout server 5s
frontend back
  bind 127.0.0.1:${port} accept-proxy
  http-request return status 200 content-type text/plain lf-string "%[src]:%[src_port]"
`,
    );
    const gateway = await startTidegate(t, tcpTo(port, version));
    const client = await connectRaw(t, gateway.port(), { from: '127.0.0.8' });
    const { body } = await client.request(GET);
    assert.equal(body, `127.0.0.8:${client.socket.localPort}`);
  });

  test(`nginx takes the client from ${version}`, { skip: missing('nginx') }, async (t) => {
    const port = await closedPort();
    await startPeer(
      t,
      'nginx',
      port,
      (folder) => `daemon off; pid ${folder}/pid; worker_processes 1; user root;
events {}
http {
  access_log off;
  client_body_temp_path ${folder}/t; proxy_temp_path ${folder}/t; fastcgi_temp_path ${folder}/t; uwsgi_temp_path ${folder}/t; scgi_temp_path ${folder}/t;
  server { listen 127.0.0.1:${port} proxy_protocol; return 200 $proxy_protocol_addr:$proxy_protocol_port; }
}
`,
    );
    const gateway = await startTidegate(t, tcpTo(port, version));
    const client = await connectRaw(t, gateway.port(), { from: '127.0.0.8' });
    const { body } = await client.request(GET);
    assert.equal(body, `127.0.0.8:${client.socket.localPort}`);
  });
}

function tcpTo(port: number, version: string): string {
  return `
listeners: { front: { address: '127.0.0.1:0', protocol: tcp, upstream: back } }
upstreams: { back: { endpoints: ['127.0.0.1:${port}'], send-proxy-protocol: ${version} } }
`;
}

test('both directions at once: what one proxy tells, the next endpoint hears', async (t) => {
  const server = await startListening(t);
  const gateway = await startTidegate(
    t,
    `
listeners: { db: { address: '127.0.0.1:0', protocol: tcp, upstream: db, proxy-protocol: [127.0.0.0/8] } }
upstreams: { db: { endpoints: ['${server.address}'], send-proxy-protocol: v1 } }
`,
  );
  const client = await connectRaw(t, gateway.port());
  await client.send(Buffer.concat([writeProxyHeader(2, CLIENT, TARGET), Buffer.from('hello')]));
  assert.equal(await client.closed(), 'done');
  assert.equal(server.heads[0]?.toString().split('\r\n')[0], 'PROXY TCP4 203.0.113.7 198.51.100.1 40000 443');
});

for (const version of ['v1', 'v2']) {
  for (const probe of ['type: http, path: /up', 'type: tcp, send: "GET /up HTTP/1.0\\r\\n\\r\\n", expect: 200 OK']) {
    test(`a probe (${probe.split(/[ ,]+/)[1]}) of an endpoint that wants a header sends ${version} of its own`, {
      skip: missing('haproxy'),
    }, async (t) => {
      const port = await closedPort();
      await startPeer(
        t,
        'haproxy',
        port,
        () => `defaults
  mode http
  timeout connect 2s
  timeout client 5s
  timeout server 5s
frontend back
  bind 127.0.0.1:${port} accept-proxy
  http-request return status 200 content-type text/plain string up
`,
      );
      const probed = (more: string) => `
listeners: { front: { address: '127.0.0.1:0', protocol: tcp, upstream: back } }
upstreams:
  back:
    endpoints: ['127.0.0.1:${port}']
    health: { ${probe}, interval: 50ms, healthy: 1, unhealthy: 1 }
    ${more}
`;
      const gateway = await startTidegate(t, probed(''));
      const isStatus = (status: string) =>
        gateway.untilAdmin<{ endpoints: readonly { status: string }[] }>('/upstreams/back', ({ endpoints }) =>
          endpoints.every((endpoint) => endpoint.status === status),
        );
      // Without it the endpoint does not answer.
      await isStatus('unhealthy');
      await gateway.write(probed(`send-proxy-protocol: ${version}`));
      await isStatus('healthy');
    });
  }
}
