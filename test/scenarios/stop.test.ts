// The end of the gateway: what is under way is finished, up to a deadline.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import net from 'node:net';
import { type Duplex, duplexPair } from 'node:stream';
import { type TestContext, test } from 'node:test';
import tls from 'node:tls';
import { connected } from '../support/connected.ts';
import { startTidegate, type TestGateway } from '../support/gateway.ts';
import { type Origin, ok, startOrigin } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';
import { authority, certificateFiles } from '../support/tls.ts';

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

test('what is cut off at the deadline is recorded as ended by the gateway, over both versions of HTTP', async (t) => {
  const origin = await startOrigin(t, () => undefined);
  const gateway = await startTidegate(t, configuration(origin, '300ms'));
  const client = await connectRaw(t, gateway.port());
  await client.send(GET);
  const session = http2.connect(`http://127.0.0.1:${gateway.port()}`);
  t.after(() => session.destroy());
  session.on('error', () => {});
  session.request({ ':path': '/' }).on('error', () => {});
  while (origin.requests.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(await gateway.stop(), 0);
  const ends = gateway.records.map(({ version, status, error, ended_by: by }) => ({ version, status, error, by }));
  assert.deepEqual(
    ends.toSorted((a, b) => String(a.version).localeCompare(String(b.version))),
    ['1.1', '2'].map((version) => ({ version, status: 503, error: 'draining', by: 'self' })),
  );
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

/** A gateway with TLS that answers by itself. */
function startSecure(t: TestContext): Promise<TestGateway> {
  const site = authority.issue({ names: ['localhost'] });
  return startTidegate(
    t,
    `
drain: { timeout: 600s }
listeners: { web: { address: '127.0.0.1:0', tls: { certificates: [{ cert: site.pem, key: site.key }] } } }
routes: [{ name: all, match: { path: /* }, respond: { body: hello } }]
`,
    { files: certificateFiles({ site }) },
  );
}

/** A client whose handshake stops behind its first message, when the gateway has got that; `goOn` lets it go on. */
async function beginHandshake(t: TestContext, gateway: TestGateway, protocol: string) {
  const [near, far]: readonly Duplex[] = duplexPair();
  const secure = tls.connect({ socket: near, servername: 'localhost', ca: authority.cert, ALPNProtocols: [protocol] });
  const tcp = net.connect(gateway.port(), '127.0.0.1');
  for (const socket of [secure, tcp]) socket.on('error', () => {});
  t.after(() => tcp.destroy());
  const [hello] = (await once(far as Duplex, 'data')) as [Buffer];
  far?.pause();
  tcp.write(hello);
  await once(tcp, 'readable');
  return { secure, tcp, goOn: () => void far?.pipe(tcp).pipe(far) };
}

/** Resolves when the gateway accepts no more connections. */
async function untilClosed(gateway: TestGateway): Promise<void> {
  await gateway.untilLogged('draining');
  for (;;) {
    const socket = net.connect(gateway.port(), '127.0.0.1');
    try {
      await connected(socket);
    } catch {
      return;
    }
    socket.destroy();
  }
}

test('a TLS handshake under way comes to its end, and the request behind it is answered', async (t) => {
  const gateway = await startSecure(t);
  const { secure, goOn } = await beginHandshake(t, gateway, 'http/1.1');
  gateway.child.kill('SIGTERM');
  await untilClosed(gateway);
  goOn();
  secure.write(GET);
  let text = '';
  for await (const part of secure.setEncoding('latin1')) text += part;
  assert.match(text, /^HTTP\/1\.1 200 .*connection: close\r\n.*hello$/is);
  assert.equal(await gateway.exit, 0);
});

test('the same with HTTP/2: the request is answered, and the client told to go elsewhere', async (t) => {
  const gateway = await startSecure(t);
  const { secure, goOn } = await beginHandshake(t, gateway, 'h2');
  gateway.child.kill('SIGTERM');
  await untilClosed(gateway);
  goOn();
  const session = http2.connect('https://localhost', { createConnection: () => secure });
  const isTold = once(session, 'goaway');
  const request = session.request({ ':path': '/' });
  const [fields] = (await once(request, 'response')) as [http2.IncomingHttpHeaders];
  assert.equal(fields[':status' as keyof typeof fields], 200);
  request.resume();
  assert.equal((await isTold)[0], http2.constants.NGHTTP2_NO_ERROR);
  assert.equal(await gateway.exit, 0);
});

test('neither a handshake that stands still nor a client that asks for nothing behind it holds up the end', async (t) => {
  const gateway = await startSecure(t);
  await beginHandshake(t, gateway, 'http/1.1');
  const silent = tls.connect({ host: '127.0.0.1', port: gateway.port(), servername: 'localhost', ca: authority.cert });
  t.after(() => silent.destroy());
  await once(silent, 'secureConnect');
  // The deadline is far: the end comes by itself.
  assert.equal(await gateway.stop(), 0);
});
