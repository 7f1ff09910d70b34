// TLS that ends here though it is not for HTTP: TCP listeners that pass on what is in it, ports that are shared, proxies in front.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { type TestContext, test } from 'node:test';
import tls from 'node:tls';
import { readProxyHeader } from '#wire/proxy-protocol/read-header.ts';
import { writeProxyHeader } from '#wire/proxy-protocol/write-header.ts';
import { createAuthority } from '../support/certificates.ts';
import { opensslHello } from '../support/client-hello.ts';
import { connected } from '../support/connected.ts';
import { startTidegate, type TestGateway } from '../support/gateway.ts';
import { authority, certificateFiles, connectTls, secureGet } from '../support/tls.ts';

const site = authority.issue({ names: ['localhost', 'raw.test', 'web.test', 'through.test'] });
const clients = createAuthority('Clients');
const files = { ...certificateFiles({ site }), 'clients.pem': clients.cert };
const TLS = 'certificates: [{ cert: site.pem, key: site.key }]';

/** An endpoint that answers each line with `says` ahead of it, and closes when the client has closed. Returns its address. */
async function startEcho(t: TestContext, says: string, onConnection = (_: net.Socket) => {}): Promise<string> {
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    onConnection(socket);
    socket.on('data', (bytes: Buffer) => socket.write(Buffer.concat([Buffer.from(says), bytes])));
    socket.on('end', () => socket.end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return `127.0.0.1:${(server.address() as net.AddressInfo).port}`;
}

/** What comes for a line; the connection is closed then. */
async function talk(socket: net.Socket, line: string): Promise<string> {
  socket.end(line);
  let text = '';
  for await (const part of socket.setEncoding('latin1')) text += part;
  return text;
}

test('a TCP listener ends TLS and passes on what is in it, both ways and of any size', async (t) => {
  const echo = await startEcho(t, '');
  const gateway = await startTidegate(
    t,
    `
listeners: { db: { address: '127.0.0.1:0', protocol: tcp, upstream: db, tls: { ${TLS} } } }
upstreams: { db: { endpoints: ['${echo}'] } }
`,
    { files },
  );
  const socket = await connectTls(t, gateway.port());
  socket.allowHalfOpen = true;
  const content = 'abcdefgh'.repeat(200_000);
  assert.equal(await talk(socket, content), content);
  const [record] = await gateway.untilRecords(1);
  const { version, tls_version, sni, closed_by, bytes_received, bytes_sent } = record ?? {};
  assert.deepEqual(
    { version, tls_version, sni, closed_by, bytes_received, bytes_sent },
    {
      version: 'tcp',
      tls_version: 'TLSv1.3',
      sni: 'localhost',
      closed_by: 'client',
      bytes_received: content.length,
      bytes_sent: content.length,
    },
  );
});

test('an endpoint that resets is a reset for the client, in TLS too', async (t) => {
  const echo = await startEcho(t, '', (socket) => socket.once('data', () => socket.resetAndDestroy()));
  const gateway = await startTidegate(
    t,
    `
listeners: { db: { address: '127.0.0.1:0', protocol: tcp, upstream: db, tls: { ${TLS} } } }
upstreams: { db: { endpoints: ['${echo}'] } }
`,
    { files },
  );
  const socket = await connectTls(t, gateway.port());
  socket.removeAllListeners('error');
  socket.write('x');
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ECONNRESET');
});

test('RFC 7301: alpn is agreed on where it is set, and what clients offer counts for nothing elsewhere', async (t) => {
  const echo = await startEcho(t, '');
  const gateway = await startTidegate(
    t,
    `
listeners:
  some: { address: '127.0.0.1:0', protocol: tcp, upstream: db, tls: { ${TLS}, alpn: [b, a] } }
  none: { address: '127.0.0.1:0', protocol: tcp, upstream: db, tls: { ${TLS} } }
upstreams: { db: { endpoints: ['${echo}'] } }
`,
    { files },
  );
  const agreed = async (listener: string, ALPNProtocols: string[]) =>
    (await connectTls(t, gateway.port(listener), { ALPNProtocols })).alpnProtocol;
  assert.equal(await agreed('some', ['a', 'b', 'c']), 'b');
  assert.equal(await agreed('none', ['a', 'b']), false);
  await assert.rejects(agreed('some', ['c']), { code: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL' });
  await gateway.untilRecords(1);
  assert.equal(
    await gateway.metric('tidegate_listener_tls_handshake_failures_total{listener="some",kind="protocol"}'),
    1,
  );
});

test('one port: HTTPS, TLS that ends for an upstream, TLS that is passed on, HTTP, and the rest', async (t) => {
  const raw = await startEcho(t, 'raw:');
  const rest = await startEcho(t, 'rest:');
  // What is passed on is ended by the endpoint itself.
  const own = authority.issue({ names: ['through.test'] });
  const behind = tls.createServer({ cert: own.cert, key: own.key }, (socket) => socket.end('through'));
  behind.listen(0, '127.0.0.1');
  await once(behind, 'listening');
  t.after(() => behind.close());
  const gateway = await startTidegate(
    t,
    `
listeners:
  edge:
    address: '127.0.0.1:0'
    protocol: tcp
    tls: { ${TLS} }
    routes:
      - { sni: raw.test, terminate: true, upstream: raw }
      - { sni: through.test, upstream: through }
      - { protocol: tls, http: true }
      - { protocol: http, http: true }
      - { upstream: rest }
routes: [{ name: all, match: { path: /* }, respond: { body: "\${request.scheme} \${tls.sni}" } }]
upstreams:
  raw: { endpoints: ['${raw}'] }
  rest: { endpoints: ['${rest}'] }
  through: { endpoints: ['127.0.0.1:${(behind.address() as net.AddressInfo).port}'] }
`,
    { files },
  );
  const port = gateway.port();
  assert.equal(
    (await secureGet(port, { servername: 'web.test', headers: { host: 'web.test' } })).body,
    'https web.test',
  );
  const inRaw = await connectTls(t, port, { servername: 'raw.test' });
  inRaw.allowHalfOpen = true;
  assert.equal(await talk(inRaw, 'hi'), 'raw:hi');
  const through = await connectTls(t, port, { servername: 'through.test' });
  assert.equal(through.getPeerX509Certificate()?.toString().trim(), own.cert.trim());
  assert.equal(await talk(through, ''), 'through');
  const plain = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  assert.equal(await talk(plain, '\0binary'), 'rest:\0binary');
  const http = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  assert.match(await talk(http, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'), /\r\n\r\nhttp $/);
  const records = await gateway.untilRecords(5);
  assert.deepEqual(
    records.map(({ version, tls_version, sni, protocol }) => [version, tls_version, sni, protocol]).toSorted(),
    [
      ['1.1', undefined, undefined, undefined],
      ['1.1', 'TLSv1.3', 'web.test', undefined],
      ['tcp', undefined, 'through.test', 'tls'],
      ['tcp', undefined, undefined, 'other'],
      ['tcp', 'TLSv1.3', 'raw.test', 'tls'],
    ].toSorted(),
  );
});

const CLIENT = { address: '203.0.113.7', port: 40_000 };
const TARGET = { address: '198.51.100.1', port: 443 };

/** TLS behind a PROXY header, which comes in one packet with the ClientHello, or ahead of it. */
async function connectBehind(t: TestContext, gateway: TestGateway, apart: boolean): Promise<tls.TLSSocket> {
  const plain = net.connect(gateway.port(), '127.0.0.1');
  t.after(() => plain.destroy());
  await connected(plain);
  plain.cork();
  plain.write(writeProxyHeader(2, CLIENT, TARGET));
  if (apart) {
    plain.uncork();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const socket = tls.connect({ socket: plain, servername: 'localhost', ca: authority.cert });
  if (!apart) process.nextTick(() => plain.uncork());
  await once(socket, 'secureConnect');
  return socket;
}

test('TLS behind a PROXY header is ended, and the client is the one that the header names', async (t) => {
  const gateway = await startTidegate(
    t,
    `
listeners: { web: { address: '127.0.0.1:0', proxy-protocol: [127.0.0.1], tls: { ${TLS} } } }
routes: [{ name: all, match: { path: /* }, respond: { body: "\${client.address} \${request.scheme}" } }]
`,
    { files },
  );
  for (const apart of [true, false]) {
    const socket = await connectBehind(t, gateway, apart);
    const answer = await talk(socket, 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    assert.match(answer, /\r\n\r\n203\.0\.113\.7 https$/);
  }
  const records = await gateway.untilRecords(2);
  assert.deepEqual(
    records.map(({ client }) => client),
    [CLIENT.address, CLIENT.address],
  );
});

test('an endpoint is told of the TLS that has ended ahead of it by a PROXY header of version 2', async (t) => {
  const received: Buffer[] = [];
  const echo = await startEcho(t, '', (socket) => socket.once('data', (bytes: Buffer) => received.push(bytes)));
  const gateway = await startTidegate(
    t,
    `
listeners:
  db:
    address: '127.0.0.1:0'
    protocol: tcp
    upstream: db
    tls: { ${TLS}, alpn: x, client: { ca: clients.pem } }
upstreams: { db: { endpoints: ['${echo}'], send-proxy-protocol: v2 } }
`,
    { files },
  );
  const alice = clients.issue({ names: ['alice'] });
  const socket = await connectTls(t, gateway.port(), { ALPNProtocols: ['x'], ...alice });
  socket.write('hi');
  await once(socket, 'data');
  const header = Buffer.concat(received);
  assert.equal(readProxyHeader(header)?.source?.port, socket.localPort);
  const text = header.toString('latin1');
  for (const part of ['\x01\0\x01x', '\x02\0\x09localhost', '\x07\0\0\0\0\x21\0\x07TLSv1.3', '\x22\0\x05alice'])
    assert.ok(text.includes(part), JSON.stringify(part));
});

test('a client that does not finish the handshake is reset after handshake-timeout, and is in the records', async (t) => {
  const echo = await startEcho(t, '');
  const gateway = await startTidegate(
    t,
    `
listeners:
  edge:
    address: '127.0.0.1:0'
    protocol: tcp
    tls: { ${TLS}, handshake-timeout: 200ms }
    routes: [{ protocol: tls, terminate: true, upstream: db }]
upstreams: { db: { endpoints: ['${echo}'] } }
`,
    { files },
  );
  const socket = net.connect(gateway.port(), '127.0.0.1');
  socket.on('error', () => {});
  socket.resume();
  socket.write(await opensslHello({ servername: 'localhost' }));
  await once(socket, 'close').catch(() => {});
  const [record] = await gateway.untilRecords(1);
  assert.deepEqual([record?.error, record?.sni], ['tls-handshake-failed', 'localhost']);
  assert.match(String(record?.reason), /^TLS handshake, timeout: /);
});
