// Connections of probes: TLS and what may be wrong with it, other ports, and that none is left open, by single probes and in a
// running gateway.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import tls from 'node:tls';
import { type Certificate, createAuthority } from '../support/certificates.ts';
import { startTidegate } from '../support/gateway.ts';
import { createGrpcServer } from '../support/grpc-health.ts';
import { ok, startOrigin } from '../support/origin.ts';
import { probed } from '../support/probing.ts';

const authority = createAuthority();
const TYPES = ['grpc', 'http', 'tcp'] as const;
type Type = (typeof TYPES)[number];

/** A server that answers probes of a type well, over TLS. */
function wellServer(type: Type, certificate: Certificate): Server {
  if (type === 'grpc') return createGrpcServer(() => ({ status: 1 }), certificate);
  return tls.createServer({ ...certificate, ALPNProtocols: ['http/1.1'] }, (socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(ok('well')));
  });
}

for (const type of TYPES) {
  test(`${type}: TLS with a certificate of a trusted authority for the name is healthy`, async (t) => {
    const { check } = await probed(t, wellServer(type, authority.issue({ names: ['app.test', '127.0.0.1'] })));
    for (const settings of [{}, { 'server-name': 'app.test' }, { 'server-name': '127.0.0.1' }])
      assert.equal((await check(type, { tls: { ca: authority.cert, ...settings } })).healthy, true);
  });

  test(`${type}: the reason says what is wrong with a certificate`, async (t) => {
    const reason = async (certificate: Certificate, settings: object = { ca: authority.cert }) => {
      const { check } = await probed(t, wellServer(type, certificate));
      const result = await check(type, { tls: settings });
      assert.equal(result.healthy, false);
      assert.equal((await check(type, { tls: { verify: false } })).healthy, true);
      return result.reason;
    };
    const good = authority.issue({ names: ['127.0.0.1'] });
    assert.equal(await reason(good, {}), 'the certificate is of an authority that is not trusted');
    const expired = authority.issue({ names: ['127.0.0.1'], validForDays: -1 });
    assert.equal(await reason(expired), 'the certificate has expired');
    const other = authority.issue({ names: ['a.test', '192.0.2.1'] });
    assert.equal(await reason(other), 'the certificate is for a.test, 192.0.2.1 only');
    assert.equal(await reason(createAuthority()), 'the certificate is signed by itself and not trusted');
  });

  test(`${type}: an endpoint that does not speak TLS is not healthy`, async (t) => {
    const { check } = await probed(
      t,
      createServer((socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
    );
    assert.deepEqual(await check(type, { tls: true }), { healthy: false, reason: 'the endpoint does not speak TLS' });
  });

  test(`${type}: a handshake that is not answered costs the timeout, and one that is cut is not healthy`, async (t) => {
    const silent = await probed(
      t,
      createServer(() => {}),
    );
    assert.deepEqual(await silent.check(type, { tls: true }, 200), { healthy: false, reason: 'timeout' });
    const cut = await probed(
      t,
      createServer((socket: Socket) => void socket.once('data', () => socket.end())),
    );
    assert.deepEqual(await cut.check(type, { tls: true }), {
      healthy: false,
      reason: 'the connection was closed early',
    });
  });
}

test('the name is asked for by SNI, that of Host where nothing else is said, and an address never', async (t) => {
  const names: (string | false)[] = [];
  const server = tls.createServer({
    ...authority.issue({ names: ['app.test', '127.0.0.1'] }),
    SNICallback: (name, done) => {
      names.push(name);
      done(null);
    },
  });
  server.on('secureConnection', (socket) => void socket.once('data', () => socket.end(ok())));
  const { check } = await probed(t, server);
  const secure = { ca: authority.cert };
  await check('http', { tls: secure });
  await check('http', { host: 'app.test:8443', tls: secure });
  await check('tcp', { tls: { ...secure, 'server-name': 'app.test' } });
  assert.deepEqual(names, ['app.test', 'app.test']);
});

test('tcp: ALPN offers what is asked for', async (t) => {
  const server = tls.createServer({ ...authority.issue({ names: ['127.0.0.1'] }), ALPNProtocols: ['imap', 'pop3'] });
  const protocols: (string | false | null)[] = [];
  server.on('secureConnection', (socket) => protocols.push(socket.alpnProtocol));
  const { check } = await probed(t, server);
  const secure = { ca: authority.cert };
  assert.equal((await check('tcp', { tls: { ...secure, alpn: ['pop3'] } })).healthy, true);
  assert.equal((await check('tcp', { tls: secure })).healthy, true);
  assert.deepEqual(await check('tcp', { tls: { ...secure, alpn: ['smtp'] } }), {
    healthy: false,
    reason: 'the endpoint speaks none of the protocols offered by ALPN',
  });
  assert.deepEqual(protocols, ['pop3', false]);
});

test('gRPC over TLS needs HTTP/2 by ALPN', async (t) => {
  const { check } = await probed(t, tls.createServer(authority.issue({ names: ['127.0.0.1'] })));
  assert.deepEqual(await check('grpc', { tls: { ca: authority.cert } }), {
    healthy: false,
    reason: 'the endpoint does not offer HTTP/2',
  });
});

test('a gateway probes over TLS and on another port, and sends requests to the endpoint itself', async (t) => {
  const origin = await startOrigin(t);
  const { port } = await probed(t, wellServer('http', authority.issue({ names: ['app.test'] })));
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-test-'));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'ca.pem'), authority.cert);
  const gateway = await startTidegate(
    t,
    `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams:
  app:
    endpoints: ['${origin.address}']
    health:
      type: http
      port: ${port}
      host: app.test
      body: well
      interval: 100ms
      tls: { ca: '\${file:${join(folder, 'ca.pem')}}' }
`,
  );
  interface View {
    readonly endpoints: readonly { readonly status: string; readonly reason: string }[];
  }
  const { endpoints } = await gateway.untilAdmin<View>('/upstreams/app', ({ endpoints: [endpoint] }) =>
    Boolean(endpoint && endpoint.status !== 'unknown'),
  );
  assert.deepEqual(
    endpoints.map(({ status, reason }) => `${status}: ${reason}`),
    ['healthy: probe: content as expected'],
  );
  assert.equal(origin.connections.length, 0);
});

test('probes that are never answered keep one connection at a time, and all are closed', async (t) => {
  const open = new Set<Socket>();
  let most = 0;
  let count = 0;
  const server = createServer((socket) => {
    open.add(socket);
    most = Math.max(most, open.size);
    count++;
    socket.on('error', () => {});
    socket.resume();
    // That the probe has closed is seen by the end of what it sends, before the next connection comes.
    socket.on('end', () => open.delete(socket));
    socket.on('close', () => open.delete(socket));
  });
  const { port } = await probed(t, server);
  const gateway = await startTidegate(
    t,
    `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams:
  app:
    endpoints: ['127.0.0.1:${port}']
    health: { type: http, interval: 10ms, timeout: 30ms }
`,
  );
  while (count < 10) await once(server, 'connection');
  await gateway.stop();
  while (open.size > 0) await once([...open][0] as Socket, 'close');
  assert.equal(most, 1);
});
