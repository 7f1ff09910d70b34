// HTTP/2 to endpoints with servers of others: by ALPN, with WebSockets, between clients and endpoints of either version.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http2, { type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { startTidegate, type TestGateway } from '../support/gateway.ts';
import { ask, connectNode } from '../support/node-http2.ts';
import { ok, startOrigin } from '../support/origin.ts';
import { listens, missing, runPeer } from '../support/peers.ts';
import { closedPort } from '../support/ports.ts';
import { connectRaw, exchange } from '../support/raw-client.ts';
import { authority } from '../support/tls.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n';
const certificate = authority.issue({ names: ['127.0.0.1'] });

interface Served {
  readonly address: string;
  readonly port: number;
}

/** Lets a server of `node:http2` listen; it is stopped after the test. */
async function serve(t: TestContext, server: Http2Server): Promise<Served> {
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { address: `127.0.0.1:${port}`, port };
}

/** A gateway before endpoints of a protocol, with TLS that trusts the authority for tests. */
async function secureGateway(t: TestContext, endpoints: readonly Served[], options: string): Promise<TestGateway> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-test-'));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'ca.pem'), authority.cert);
  return await startTidegate(
    t,
    `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams:
  app:
    endpoints: [${endpoints.map(({ address }) => `'${address}'`).join(', ')}]
    tls: { ca: '\${file:${join(folder, 'ca.pem')}}' }
    ${options}
`,
  );
}

/** A server that says by what version it was asked, and how. */
function versionServer(options: http2.SecureServerOptions = {}): Http2Server {
  return http2.createSecureServer({ ...certificate, ...options }, ({ httpVersion, headers, socket }, response) => {
    const scheme = headers[':scheme'] ?? 'none';
    const reused = (socket as TLSSocket).isSessionReused();
    response.end(`${httpVersion} ${String(scheme)}${reused ? ' again' : ''}`);
  }) as unknown as Http2Server;
}

test('protocol http2 over TLS: the scheme is https, and h2 is what ALPN offers', async (t) => {
  const server = await serve(t, versionServer());
  const gateway = await secureGateway(t, [server], 'protocol: http2');
  assert.equal((await exchange(t, gateway.port(), GET)).body, '2.0 https');
});

test('protocol http2 over TLS: an endpoint that offers HTTP/1.1 alone is told of', async (t) => {
  const origin = await startOrigin(t, () => ok(), { tls: { ...certificate, ALPNProtocols: ['http/1.1'] } });
  const silent = await startOrigin(t, () => ok(), { tls: certificate });
  for (const [endpoint, error, reason] of [
    [origin, 'tls_alert_received', 'the endpoint speaks none of the protocols offered by ALPN'],
    [silent, 'tls_protocol_error', 'the endpoint does not offer HTTP/2'],
  ] as const) {
    const gateway = await secureGateway(t, [endpoint], 'protocol: http2');
    assert.equal((await exchange(t, gateway.port(), GET)).status, 502);
    const [record] = await gateway.untilRecords(1);
    assert.deepEqual([record?.error, record?.reason], [error, reason]);
    assert.equal(endpoint.requests.length, 0);
  }
});

test('protocol auto: HTTP/2 where the endpoint offers it', async (t) => {
  const server = await serve(t, versionServer({ allowHTTP1: true }));
  const gateway = await secureGateway(t, [server], 'protocol: auto');
  assert.equal((await exchange(t, gateway.port(), GET)).body, '2.0 https');
});

test('protocol auto: HTTP/1.1 where the endpoint offers no other, on the connection that was opened to find out', async (t) => {
  for (const ALPNProtocols of [['http/1.1'], undefined]) {
    const origin = await startOrigin(t, () => ok('old'), {
      tls: { ...certificate, ...(ALPNProtocols && { ALPNProtocols }) },
    });
    const gateway = await secureGateway(t, [origin], 'protocol: auto');
    for (let i = 0; i < 3; i++) assert.equal((await exchange(t, gateway.port(), GET)).body, 'old');
    assert.equal(origin.connections.length, 1);
  }
});

test('protocol auto: requests that come before the choice is known all go, whatever it is', async (t) => {
  const origin = await startOrigin(t, () => ok('old'), { tls: { ...certificate, ALPNProtocols: ['http/1.1'] } });
  const server = await serve(t, versionServer());
  for (const [endpoint, body] of [
    [origin, 'old'],
    [server, '2.0 https'],
  ] as const) {
    const gateway = await secureGateway(t, [endpoint], 'protocol: auto');
    const responses = await Promise.all(Array.from({ length: 10 }, () => exchange(t, gateway.port(), GET)));
    assert.deepEqual(
      responses.map((response) => response.body),
      Array(10).fill(body),
    );
    assert.equal(
      (await gateway.metric(`tidegate_endpoint_connections_active{upstream="app",endpoint="${endpoint.address}"}`)) > 0,
      true,
    );
  }
});

test('protocol auto: an upgrade goes over HTTP/1.1, which knows it', async (t) => {
  const answered: string[] = [];
  const server = http2.createSecureServer({ ...certificate, allowHTTP1: true }, (request, response) => {
    answered.push(request.httpVersion);
    response.end('ok');
  });
  server.on('upgrade', (_request, socket) => {
    answered.push('upgrade');
    socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  });
  const served = await serve(t, server as unknown as Http2Server);
  const gateway = await secureGateway(t, [served], 'protocol: auto');
  assert.equal((await exchange(t, gateway.port(), GET)).status, 200);
  const client = await connectRaw(t, gateway.port());
  const response = await client.request(
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  assert.equal(response.status, 101);
  assert.deepEqual(answered, ['2.0', 'upgrade']);
});

test('protocol auto: a WebSocket goes over a connection of HTTP/2 that is there and takes it', async (t) => {
  const methods: unknown[] = [];
  const server = http2.createSecureServer({
    ...certificate,
    allowHTTP1: true,
    settings: { enableConnectProtocol: true },
  });
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    methods.push(headers[':method']);
    stream.respond({ ':status': 200 });
    if (headers[':method'] !== 'CONNECT') stream.end('ok');
  });
  const gateway = await secureGateway(t, [await serve(t, server as unknown as Http2Server)], 'protocol: auto');
  assert.equal((await exchange(t, gateway.port(), GET)).status, 200);
  const client = await connectRaw(t, gateway.port());
  assert.equal((await client.request(handshake('/'))).status, 101);
  assert.deepEqual(methods, ['GET', 'CONNECT']);
});

test('protocol auto: an endpoint that learns HTTP/2 is asked again when no connection to it is left', async (t) => {
  const port = await closedPort();
  const old = await startOrigin(t, () => ok('old'), { port, tls: { ...certificate, ALPNProtocols: ['http/1.1'] } });
  const gateway = await secureGateway(t, [old], 'protocol: auto');
  assert.equal((await exchange(t, gateway.port(), GET)).body, 'old');
  await old.stop();
  const server = versionServer();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => void server.close());
  assert.equal((await exchange(t, gateway.port(), GET)).body, '2.0 https');
  // Its session would keep the server from closing.
  await gateway.stop();
});

test('sessions of TLS are continued by connections of HTTP/2 too', async (t) => {
  const server = await serve(t, versionServer());
  const gateway = await secureGateway(t, [server], 'protocol: http2\n    pool: { max-idle: 0 }');
  assert.equal((await exchange(t, gateway.port(), GET)).body, '2.0 https');
  assert.equal((await exchange(t, gateway.port(), GET)).body, '2.0 https again');
});

/** Echoes what comes over extended CONNECT, in upper case. */
function webSocketServer(seen: http2.IncomingHttpHeaders[]): Http2Server {
  const server = http2.createServer({ settings: { enableConnectProtocol: true } });
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    seen.push(headers);
    stream.on('error', () => {});
    if (headers[':method'] !== 'CONNECT') {
      stream.respond({ ':status': 200 });
      stream.end('no tunnel');
      return;
    }
    stream.respond({ ':status': headers[':path'] === '/no' ? 403 : 200, 'sec-websocket-protocol': 'chat' });
    if (headers[':path'] === '/no') stream.end('not here');
    else {
      stream.on('data', (bytes: Buffer) => void stream.write(bytes.toString('latin1').toUpperCase(), 'latin1'));
      stream.on('end', () => stream.end());
    }
  });
  return server;
}

const handshake = (path: string) =>
  `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;

function plainGateway(t: TestContext, { address }: { readonly address: string }, options = ''): Promise<TestGateway> {
  return startTidegate(
    t,
    `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['${address}'], protocol: http2 ${options} } }
`,
  );
}

test('RFC 8441: a WebSocket of an HTTP/1.1 client is a stream of extended CONNECT at the endpoint', async (t) => {
  const seen: http2.IncomingHttpHeaders[] = [];
  const gateway = await plainGateway(t, await serve(t, webSocketServer(seen)));
  const client = await connectRaw(t, gateway.port());
  const response = await client.request(handshake('/chat?room=1'));
  assert.equal(response.status, 101);
  assert.equal(response.field('upgrade'), 'websocket');
  assert.equal(response.field('sec-websocket-accept'), 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  assert.equal(response.field('sec-websocket-protocol'), 'chat');
  const [head = {}] = seen;
  assert.deepEqual(
    [head[':method'], head[':protocol'], head[':path'], head[':scheme'], head['sec-websocket-version']],
    ['CONNECT', 'websocket', '/chat?room=1', 'http', '13'],
  );
  assert.deepEqual([head['sec-websocket-key'], head.connection, head.upgrade], [undefined, undefined, undefined]);
  await client.send('hello\0\x01');
  assert.equal(await client.reader.bytes(7), 'HELLO\0\x01');
  const large = 'a'.repeat(400_000);
  void client.send(large);
  assert.equal(await client.reader.bytes(large.length), large.toUpperCase());
  client.end();
  assert.equal(await client.closed(), '');
  const [record] = await gateway.untilRecords(1);
  assert.deepEqual([record?.status, record?.bytes_received], [101, large.length + 7]);
});

test('RFC 8441: an endpoint that refuses a WebSocket gives an ordinary response', async (t) => {
  const gateway = await plainGateway(t, await serve(t, webSocketServer([])));
  const client = await connectRaw(t, gateway.port());
  const response = await client.request(handshake('/no'));
  assert.deepEqual([response.status, response.body], [403, 'not here']);
  assert.equal((await client.request(GET)).body, 'no tunnel');
});

test('RFC 8441 3: an endpoint that has not said that it takes extended CONNECT gets an ordinary request', async (t) => {
  const methods: string[] = [];
  const server = http2.createServer(({ method, headers }, response) => {
    methods.push(`${method} ${headers.upgrade}`);
    response.end('plain');
  });
  const gateway = await plainGateway(t, await serve(t, server));
  const client = await connectRaw(t, gateway.port());
  assert.deepEqual([(await client.request(handshake('/chat'))).body, methods], ['plain', ['GET undefined']]);
});

test('a WebSocket that is given up ends its stream, and the connection goes on', async (t) => {
  const codes: number[] = [];
  const server = webSocketServer([]);
  const ended = new Promise<void>((resolve) => {
    server.on('stream', (stream: ServerHttp2Stream) => {
      stream.on('close', () => {
        codes.push(stream.rstCode);
        resolve();
      });
    });
  });
  const gateway = await plainGateway(t, await serve(t, server));
  const client = await connectRaw(t, gateway.port());
  assert.equal((await client.request(handshake('/chat'))).status, 101);
  client.abort();
  await ended;
  assert.deepEqual(codes, [http2.constants.NGHTTP2_CANCEL]);
  assert.equal((await exchange(t, gateway.port(), GET)).body, 'no tunnel');
});

test('HTTP/2 on both sides: content both ways, informational responses and trailers of both', async (t) => {
  const content = randomBytes(2_000_000);
  const server = http2.createServer();
  server.on('stream', (stream: ServerHttp2Stream) => {
    const hash = createHash('sha256');
    stream.additionalHeaders({ ':status': 103, link: '</a.css>' });
    stream.respond({ ':status': 200 }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': hash.digest('hex') }));
    stream.on('data', (bytes: Buffer) => {
      hash.update(bytes);
      stream.write(bytes);
    });
    stream.on('end', () => stream.end());
  });
  const gateway = await plainGateway(t, await serve(t, server));
  const session = await connectNode(t, gateway.port());
  const answer = await ask(session, { ':path': '/', ':method': 'POST', te: 'trailers' }, content);
  assert.equal(answer.status, 200);
  assert.deepEqual(
    answer.informational.map((fields) => fields[':status']),
    [103],
  );
  assert.equal(answer.body.equals(content), true);
  assert.equal(answer.trailers['x-sum'], createHash('sha256').update(content).digest('hex'));
});

test('many requests of many clients come through unmixed', async (t) => {
  const server = http2.createServer(({ url }, response) => {
    response.setHeader('x-path', url);
    // Some whole with their head, some in pieces.
    response.write(`${url} `);
    if (Number(url.slice(1)) % 3 === 0) setImmediate(() => response.end(url.repeat(1000)));
    else response.end(url.repeat(1000));
  });
  const gateway = await plainGateway(t, await serve(t, server), ', pool: { streams: 7 }');
  const session = await connectNode(t, gateway.port());
  const answers = await Promise.all(Array.from({ length: 300 }, (_, i) => ask(session, `/${i}`)));
  for (const [i, { status, headers, body }] of answers.entries()) {
    assert.deepEqual([status, headers['x-path']], [200, `/${i}`]);
    assert.equal(body.toString(), `/${i} ${`/${i}`.repeat(1000)}`);
  }
});

test('connections that the endpoint ends in order, again and again under traffic, fail no request', async (t) => {
  let requests = 0;
  let sessions = 0;
  const server = http2.createServer((request, response) => {
    requests++;
    // GOAWAY in the middle of others: what it has taken is answered, what comes later is not.
    if (requests % 40 === 0) request.stream.session?.close();
    setImmediate(() => response.end(`${request.method} ${request.url}`));
  });
  server.on('session', () => sessions++);
  const gateway = await plainGateway(t, await serve(t, server));
  const session = await connectNode(t, gateway.port());
  for (let round = 0; round < 20; round++) {
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        i % 2 === 0 ? ask(session, `/${i}`) : ask(session, { ':path': `/${i}`, ':method': 'POST' }, 'content'),
      ),
    );
    for (const [i, { status, body }] of answers.entries())
      assert.deepEqual([status, body.toString()], [200, `${i % 2 === 0 ? 'GET' : 'POST'} /${i}`]);
  }
  assert.ok(sessions > 5, `${sessions} connections`);
  for (const record of await gateway.untilRecords(1000)) assert.equal(record.status, 200);
});

test('nghttpd as an endpoint', { skip: missing('nghttpd') }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-test-'));
  t.after(() => rm(folder, { recursive: true }));
  const content = randomBytes(300_000).toString('base64');
  await writeFile(join(folder, 'file.txt'), content);
  await writeFile(join(folder, 'own.pem'), certificate.cert);
  await writeFile(join(folder, 'own.key'), certificate.key);
  const [plain, secure] = [await closedPort(), await closedPort()];
  const files = ['-d', folder, '-a', '127.0.0.1'];
  await runPeer(t, 'nghttpd', ['--no-tls', ...files, String(plain)], () => listens(plain));
  await runPeer(t, 'nghttpd', [...files, String(secure), join(folder, 'own.key'), join(folder, 'own.pem')], () =>
    listens(secure),
  );
  const asked = 'GET /file.txt HTTP/1.1\r\nHost: a\r\n\r\n';
  for (const gateway of [
    await plainGateway(t, { address: `127.0.0.1:${plain}` }),
    await secureGateway(t, [{ address: `127.0.0.1:${secure}`, port: secure }], 'protocol: auto'),
  ]) {
    const responses = await Promise.all(Array.from({ length: 20 }, () => exchange(t, gateway.port(), asked)));
    for (const { status, body } of responses) assert.deepEqual([status, body === content], [200, true]);
    assert.equal((await exchange(t, gateway.port(), GET.replace('/', '/none'))).status, 404);
  }
});

interface View {
  readonly endpoints: readonly { readonly status: string; readonly reason: string }[];
}

const PROBE = 'health: { type: http, body: well, interval: 50ms, host: probe.test';

for (const [protocol, version] of [
  ['http1', '1.1'],
  ['http2', '2.0'],
  ['auto', '2.0'],
] as const) {
  test(`protocol ${protocol}: probes of HTTP speak the version that requests do`, async (t) => {
    const versions: string[] = [];
    const options = { ...certificate, allowHTTP1: true };
    const server = http2.createSecureServer(options, ({ httpVersion, headers }, response) => {
      versions.push(`${httpVersion} ${headers.host ?? headers[':authority']}`);
      response.setHeader('x-state', 'ready');
      response.end('well');
    });
    const gateway = await secureGateway(
      t,
      [await serve(t, server as unknown as Http2Server)],
      `protocol: ${protocol}\n    ${PROBE}, expect-headers: { x-state: ready } }`,
    );
    await gateway.untilAdmin<View>('/upstreams/app', ({ endpoints: [endpoint] }) => endpoint?.status === 'healthy');
    assert.equal(versions[0], `${version} probe.test`);
  });
}

test('a probe of HTTP without TLS speaks HTTP/2 by prior knowledge, or what it is told to', async (t) => {
  const server = await serve(
    t,
    http2.createServer((_request, response) => void response.end('well')),
  );
  const gateway = await plainGateway(t, server, `, ${PROBE} }`);
  await gateway.untilAdmin<View>('/upstreams/app', ({ endpoints: [endpoint] }) => endpoint?.status === 'healthy');
  const other = await plainGateway(t, server, `, ${PROBE}, protocol: http1 }`);
  await other.untilAdmin<View>('/upstreams/app', ({ endpoints: [endpoint] }) => endpoint?.status === 'unhealthy');
});

/** A server of both versions that wants HTTP/1.1 for some paths, with the versions of all requests it has had. */
function http1Wisher(wants: (path: string) => boolean) {
  const versions: string[] = [];
  const server = http2.createSecureServer({ ...certificate, allowHTTP1: true });
  server.on('request', (request, response) => {
    versions.push(request.httpVersion);
    if (request.httpVersion === '2.0' && wants(request.url))
      request.stream.close(http2.constants.NGHTTP2_HTTP_1_1_REQUIRED);
    else response.end(`by ${request.httpVersion}`);
  });
  return { server: server as unknown as Http2Server, versions };
}

test('RFC 9113 7: protocol auto: a request for which the endpoint wants HTTP/1.1 goes over that, and so do the next', async (t) => {
  const { server, versions } = http1Wisher((path) => path === '/old');
  const served = await serve(t, server);
  const gateway = await secureGateway(t, [served], 'protocol: auto');
  assert.equal((await exchange(t, gateway.port(), GET)).body, 'by 2.0');
  const old = GET.replace('/', '/old');
  assert.equal((await exchange(t, gateway.port(), old)).body, 'by 1.1');
  assert.equal((await exchange(t, gateway.port(), old.replace('GET', 'POST'))).body, 'by 1.1');
  assert.equal((await exchange(t, gateway.port(), GET)).body, 'by 1.1');
  assert.deepEqual(versions, ['2.0', '2.0', '1.1', '1.1', '1.1']);
  const failures = `tidegate_endpoint_attempt_failures_total{upstream="app",endpoint="${served.address}"}`;
  assert.equal(await gateway.metric(failures), 0);
});

test('RFC 9110 9.2.2: a POST for which the endpoint wants HTTP/1.1 is not sent twice, and the next one goes over HTTP/1.1', async (t) => {
  const { server, versions } = http1Wisher(() => true);
  const gateway = await secureGateway(t, [await serve(t, server)], 'protocol: auto');
  const post = GET.replace('GET', 'POST');
  assert.equal((await exchange(t, gateway.port(), post)).status, 502);
  assert.equal((await exchange(t, gateway.port(), post)).body, 'by 1.1');
  assert.deepEqual(versions, ['2.0', '1.1']);
  const [record] = await gateway.untilRecords(2);
  assert.match(String(record?.reason), /HTTP_1_1_REQUIRED/);
});

test('RFC 9113 7: protocol auto: GOAWAY with HTTP_1_1_REQUIRED has the request go over HTTP/1.1', async (t) => {
  const { server, versions } = http1Wisher(() => false);
  server.on('session', (session) => session.goaway(http2.constants.NGHTTP2_HTTP_1_1_REQUIRED, 0));
  const gateway = await secureGateway(t, [await serve(t, server)], 'protocol: auto');
  assert.equal((await exchange(t, gateway.port(), GET)).body, 'by 1.1');
  assert.equal(versions.at(-1), '1.1');
});
