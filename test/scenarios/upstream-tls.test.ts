// TLS to endpoints: who is trusted, what is told when it fails, sessions that are continued, and what a reload changes.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { TLSSocket, TlsOptions } from 'node:tls';
import { createAuthority } from '../support/certificates.ts';
import { startTidegate, type TestGateway } from '../support/gateway.ts';
import { type Origin, ok, startOrigin } from '../support/origin.ts';
import { connectRaw, exchange } from '../support/raw-client.ts';

const authority = createAuthority();
const stranger = createAuthority('Stranger');
const good = authority.issue({ names: ['app.test', '127.0.0.1'] });
const GET = 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n';
const POST = 'POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\nhi';

/** A folder with PEM files for one test. */
async function folderOf(t: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-test-'));
  t.after(() => rm(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

interface Setting {
  readonly origin: Origin;
  readonly gateway: TestGateway;
  readonly folder: string;
}

/** An origin with TLS and a gateway before it. `options` are those of `tls`, in which FOLDER/ca.pem is the authority. */
async function setUp(
  t: TestContext,
  { server = good as TlsOptions, tls = "ca: '${file:FOLDER/ca.pem}'", more = '', files = {} },
): Promise<Setting> {
  const folder = await folderOf(t, { 'ca.pem': authority.cert, ...files });
  const origin = await startOrigin(t, () => ok(), { tls: server });
  const upstream = `endpoints: ['${origin.address}'], tls: { ${tls} } ${more}`.replaceAll('FOLDER', folder);
  const gateway = await startTidegate(
    t,
    `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { ${upstream} } }
`,
  );
  return { origin, gateway, folder };
}

/** The socket of a connection of the origin. */
function secureSocket({ connections }: Origin, number: number): TLSSocket {
  return connections[number]?.socket as TLSSocket;
}

test('requests go over TLS to an endpoint whose certificate is of a trusted authority for its address', async (t) => {
  const { origin, gateway } = await setUp(t, {});
  assert.equal((await exchange(t, gateway.port(), GET)).body, 'ok');
  assert.equal(origin.last.field('host'), 'a.test');
  // RFC 6066 3: an address is no name to ask for.
  assert.equal(secureSocket(origin, 0).servername, false);
  assert.equal(secureSocket(origin, 0).getProtocol(), 'TLSv1.3');
  assert.equal((await gateway.untilRecords(1))[0]?.error, undefined);
});

test('files may be named, relative to the configuration, where their text is meant', async (t) => {
  const origin = await startOrigin(t, () => ok(), {
    tls: { ...good, ca: authority.cert, requestCert: true, rejectUnauthorized: true },
  });
  const own = authority.issue({ names: ['gateway.test'] });
  const gateway = await startTidegate(
    t,
    `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams:
  app: { endpoints: ['${origin.address}'], tls: { ca: ca.pem, cert: own.pem, key: own.key } }
`,
    { files: { 'ca.pem': authority.cert, 'own.pem': own.cert, 'own.key': own.key } },
  );
  assert.equal((await exchange(t, gateway.port(), GET)).body, 'ok');
  const shown = JSON.stringify(await gateway.admin('/config'));
  assert.doesNotMatch(shown, /BEGIN/);
});

test('the name of server-name is asked for and must be in the certificate', async (t) => {
  const server = authority.issue({ names: ['app.test'] });
  const { origin, gateway } = await setUp(t, { server, tls: "ca: '${file:FOLDER/ca.pem}', server-name: app.test" });
  assert.equal((await exchange(t, gateway.port(), GET)).status, 200);
  assert.equal(secureSocket(origin, 0).servername, 'app.test');
});

test('the name of host is asked for where there is no server-name', async (t) => {
  const server = authority.issue({ names: ['app.test'] });
  const { origin, gateway } = await setUp(t, { server, more: ", host: 'app.test:8443'" });
  assert.equal((await exchange(t, gateway.port(), GET)).status, 200);
  assert.equal(secureSocket(origin, 0).servername, 'app.test');
  assert.equal(origin.last.field('host'), 'app.test:8443');
});

for (const [what, server, options, code, reason] of [
  [
    'of an unknown authority',
    good,
    '',
    'tls_certificate_error',
    'the certificate is of an authority that is not trusted',
  ],
  [
    'that signs itself',
    stranger,
    "ca: '${file:FOLDER/ca.pem}'",
    'tls_certificate_error',
    'the certificate is signed by itself and not trusted',
  ],
  [
    'that has expired',
    authority.issue({ names: ['127.0.0.1'], validForDays: -1 }),
    "ca: '${file:FOLDER/ca.pem}'",
    'tls_certificate_error',
    'the certificate has expired',
  ],
  [
    'for another name',
    authority.issue({ names: ['b.test'] }),
    "ca: '${file:FOLDER/ca.pem}', server-name: a.test",
    'tls_certificate_error',
    'the certificate is for b.test only',
  ],
  [
    'for a name where the endpoint has an address',
    authority.issue({ names: ['b.test'] }),
    "ca: '${file:FOLDER/ca.pem}'",
    'tls_certificate_error',
    'the certificate is for b.test only',
  ],
] as const) {
  test(`a certificate ${what} is answered by 502, and the record says why`, async (t) => {
    const { origin, gateway } = await setUp(t, { server, tls: options });
    const response = await exchange(t, gateway.port(), POST);
    assert.equal(response.status, 502);
    assert.match(response.field('proxy-status') ?? '', new RegExp(`error=${code}`));
    assert.doesNotMatch(response.body, /b\.test/);
    const [record] = await gateway.untilRecords(1);
    assert.deepEqual([record?.error, record?.reason, record?.phase], [code, reason, 'connect']);
    assert.equal(origin.requests.length, 0);
  });

  test(`a certificate ${what} is taken with verify: false, which is warned of`, async (t) => {
    const { gateway } = await setUp(t, { server, tls: `${options}${options && ', '}verify: false` });
    assert.equal((await exchange(t, gateway.port(), GET)).status, 200);
    await gateway.untilLogged(/tls\.verify: false, so that whoever answers/);
  });
}

test('another endpoint gets the request when one cannot prove who it is, whatever the method', async (t) => {
  const folder = await folderOf(t, { 'ca.pem': authority.cert });
  const bad = await startOrigin(t, () => ok('bad'), { tls: stranger.issue({ names: ['127.0.0.1'] }) });
  const right = await startOrigin(t, () => ok('right'), { tls: good });
  const gateway = await startTidegate(
    t,
    `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams:
  app:
    balancer: first-fit
    endpoints: ['${bad.address}', '${right.address}']
    tls: { ca: '\${file:${join(folder, 'ca.pem')}}' }
`,
  );
  assert.equal((await exchange(t, gateway.port(), POST)).body, 'right');
  assert.equal((await gateway.untilRecords(1))[0]?.attempts, 2);
  assert.equal(
    await gateway.metric(`tidegate_endpoint_connect_failures_total{upstream="app",endpoint="${bad.address}"}`),
    1,
  );
});

const wantsCertificate = { ...good, requestCert: true, rejectUnauthorized: true, ca: authority.cert };

test('an endpoint that wants a certificate gets that of the gateway', async (t) => {
  const own = authority.issue({ names: ['gateway.test'] });
  const { origin, gateway } = await setUp(t, {
    server: wantsCertificate,
    tls: "ca: '${file:FOLDER/ca.pem}', cert: '${file:FOLDER/own.pem}', key: '${file:FOLDER/own.key}'",
    files: { 'own.pem': own.cert, 'own.key': own.key },
  });
  assert.equal((await exchange(t, gateway.port(), GET)).status, 200);
  assert.equal(secureSocket(origin, 0).getPeerCertificate().subject.CN, 'gateway.test');
});

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`${maxVersion}: an endpoint that wants a certificate and gets none ends the handshake, and nothing was sent`, async (t) => {
    const { origin, gateway } = await setUp(t, { server: { ...wantsCertificate, maxVersion } });
    const response = await exchange(t, gateway.port(), POST);
    assert.equal(response.status, 502);
    const [record] = await gateway.untilRecords(1);
    assert.equal(record?.error, 'tls_alert_received');
    // By 1.2 the alert says no more than that.
    if (maxVersion === 'TLSv1.3') assert.equal(record?.reason, 'the endpoint wants a certificate of its client');
    assert.equal(origin.requests.length, 0);
  });
}

test('an older version of TLS than is wanted ends the handshake', async (t) => {
  const { gateway } = await setUp(t, {
    server: { ...good, maxVersion: 'TLSv1.2' },
    tls: "ca: '${file:FOLDER/ca.pem}', min-version: '1.3'",
  });
  assert.equal((await exchange(t, gateway.port(), GET)).status, 502);
  const [record] = await gateway.untilRecords(1);
  assert.equal(record?.error, 'tls_alert_received');
  assert.equal(record?.reason, 'the endpoint speaks no version of TLS that will do');
});

test('the cipher suites are those that are asked for', async (t) => {
  const { origin, gateway } = await setUp(t, {
    tls: "ca: '${file:FOLDER/ca.pem}', ciphers: TLS_CHACHA20_POLY1305_SHA256",
  });
  assert.equal((await exchange(t, gateway.port(), GET)).status, 200);
  assert.equal(secureSocket(origin, 0).getCipher().name, 'TLS_CHACHA20_POLY1305_SHA256');
});

test('an endpoint that does not speak TLS is told so', async (t) => {
  const origin = await startOrigin(t, () => ok());
  const gateway = await startTidegate(
    t,
    `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['${origin.address}'], tls: true } }
`,
  );
  // It takes the handshake for a request that is no HTTP, or waits for the rest of one.
  origin.onBytes = (_bytes, { socket }) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
  assert.equal((await exchange(t, gateway.port(), GET)).status, 502);
  const [record] = await gateway.untilRecords(1);
  assert.deepEqual([record?.error, record?.reason], ['tls_protocol_error', 'the endpoint does not speak TLS']);
});

for (const [what, serve, error] of [
  ['that is cut', (socket: Socket) => void socket.once('data', () => socket.end()), 'tls_protocol_error'],
  ['that never ends', (socket: Socket) => void socket.resume(), 'connection_timeout'],
] as const) {
  test(`a handshake ${what} ends the attempt, and its connection with it`, async (t) => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => {});
      serve(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    const { port } = server.address() as { port: number };
    const gateway = await startTidegate(
      t,
      `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['127.0.0.1:${port}'], tls: true, timeouts: { connect: 300ms }, retry: { attempts: 1 } } }
`,
    );
    const response = await exchange(t, gateway.port(), GET);
    assert.equal(response.status, error === 'connection_timeout' ? 504 : 502);
    assert.equal((await gateway.untilRecords(1))[0]?.error, error);
    for (const socket of sockets) if (!socket.closed) await once(socket, 'close');
    assert.equal(sockets.length, 1);
  });
}

/** Whether each connection that comes continues a session. */
function watchSessions(origin: Origin): readonly boolean[] {
  const reused: boolean[] = [];
  origin.onHead = (_head, { socket }) => void reused.push((socket as TLSSocket).isSessionReused());
  return reused;
}

/** Keeps no connection, so that each request needs a new one. */
const NO_POOL = ', pool: { max-idle: 0 }';

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`${maxVersion}: a new connection continues the session of an earlier one`, async (t) => {
    const { origin, gateway } = await setUp(t, { server: { ...good, maxVersion }, more: NO_POOL });
    const reused = watchSessions(origin);
    for (let i = 0; i < 4; i++) await exchange(t, gateway.port(), GET);
    assert.deepEqual(reused, [false, true, true, true]);
  });
}

test('without session-reuse each connection has a session of its own', async (t) => {
  const { origin, gateway } = await setUp(t, {
    tls: "ca: '${file:FOLDER/ca.pem}', session-reuse: false",
    more: NO_POOL,
  });
  const reused = watchSessions(origin);
  for (let i = 0; i < 3; i++) await exchange(t, gateway.port(), GET);
  assert.deepEqual(reused, [false, false, false]);
});

test('connections are kept and used again as without TLS', async (t) => {
  const { origin, gateway } = await setUp(t, {});
  for (let i = 0; i < 3; i++) await exchange(t, gateway.port(), GET);
  assert.equal(origin.connections.length, 1);
  assert.equal(origin.requests.length, 3);
});

test('large content passes both ways unchanged', async (t) => {
  const folder = await folderOf(t, { 'ca.pem': authority.cert });
  const origin = await startOrigin(t, ({ body }) => ok(body.split('').reverse().join('')), { tls: good });
  const gateway = await startTidegate(
    t,
    `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['${origin.address}'], tls: { ca: '\${file:${join(folder, 'ca.pem')}}' } } }
`,
  );
  const content = Array.from({ length: 300_000 }, (_, i) => String(i)).join(' ');
  const head = `POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${content.length}\r\n\r\n`;
  const { body } = await exchange(t, gateway.port(), head + content);
  assert.equal(body.length, content.length);
  assert.equal(body === content.split('').reverse().join(''), true);
});

test('files of certificates are read again at a reload: old connections and sessions serve no longer', async (t) => {
  const { origin, gateway, folder } = await setUp(t, {});
  assert.equal((await exchange(t, gateway.port(), GET)).status, 200);
  await writeFile(join(folder, 'ca.pem'), stranger.cert);
  assert.equal((await gateway.admin<{ ok: boolean }>('/reload', 'POST')).ok, true);
  assert.equal((await exchange(t, gateway.port(), GET)).status, 502);
  assert.equal((await gateway.untilRecords(2))[1]?.error, 'tls_certificate_error');
  await writeFile(join(folder, 'ca.pem'), authority.cert);
  await gateway.admin('/reload', 'POST');
  assert.equal((await exchange(t, gateway.port(), GET)).status, 200);
  assert.equal(origin.requests.length, 2);
});

test('a reload that changes nothing of TLS keeps connections and sessions', async (t) => {
  const { origin, gateway } = await setUp(t, {});
  await exchange(t, gateway.port(), GET);
  await gateway.admin('/reload', 'POST');
  await exchange(t, gateway.port(), GET);
  assert.equal(origin.connections.length, 1);
});

test('a certificate file that is broken at a reload changes nothing', async (t) => {
  const { gateway, folder } = await setUp(t, {});
  await writeFile(join(folder, 'ca.pem'), 'no certificate');
  assert.equal((await gateway.adminFetch('/reload', 'POST')).status, 422);
  const { problems } = await gateway.untilLogged('the new configuration is refused; the old one stays in use');
  assert.match(String(problems), /tidegate\.yaml:\d+:\d+: upstreams\.app\.tls\.ca: holds no certificate in PEM/);
  assert.equal((await exchange(t, gateway.port(), GET)).status, 200);
});

test('keys and certificates are not shown by the admin API', async (t) => {
  const own = authority.issue({ names: ['gateway.test'] });
  const { gateway } = await setUp(t, {
    tls: "ca: '${file:FOLDER/ca.pem}', cert: '${file:FOLDER/own.pem}', key: '${file:FOLDER/own.key}'",
    files: { 'own.pem': own.cert, 'own.key': own.key },
  });
  const shown = await (await gateway.adminFetch('/config')).text();
  assert.match(shown, /"key":"\*\*\*"/);
  assert.doesNotMatch(shown, /PRIVATE KEY/);
});

test('probes speak TLS as requests do, unless they are told otherwise', async (t) => {
  const folder = await folderOf(t, { 'ca.pem': authority.cert });
  const secure = await startOrigin(t, () => ok('well'), { tls: authority.issue({ names: ['app.test'] }) });
  const plain = await startOrigin(t, () => ok('well'));
  const gateway = await startTidegate(
    t,
    `
routes: [{ name: all, match: { path: /* }, upstream: { split: [{ upstream: same, weight: 1 }, { upstream: other, weight: 1 }] } }]
upstreams:
  same:
    endpoints: ['${secure.address}']
    tls: { ca: '\${file:${join(folder, 'ca.pem')}}', server-name: app.test }
    health: { type: http, interval: 50ms }
  other:
    endpoints: ['${secure.address}']
    tls: { ca: '\${file:${join(folder, 'ca.pem')}}', server-name: app.test }
    health: { type: http, interval: 50ms, port: ${plain.port}, tls: false }
`,
  );
  interface View {
    readonly endpoints: readonly { readonly status: string }[];
  }
  for (const name of ['same', 'other'])
    await gateway.untilAdmin<View>(`/upstreams/${name}`, ({ endpoints: [endpoint] }) => endpoint?.status === 'healthy');
  assert.equal(secureSocket(secure, 0).servername, 'app.test');
});

/** A gateway that passes the connections of a TCP listener on to an origin with TLS. */
async function passOn(t: TestContext, origin: Origin, options = ''): Promise<TestGateway> {
  const folder = await folderOf(t, { 'ca.pem': authority.cert });
  return await startTidegate(
    t,
    `
listeners: { db: { address: '127.0.0.1:0', protocol: tcp, upstream: db } }
upstreams:
  db:
    endpoints: ['${origin.address}']
    timeouts: { connect: 2s }
    tls: { ca: '\${file:${join(folder, 'ca.pem')}}', server-name: app.test, alpn: [postgresql] }
    ${options}
`,
  );
}

test('a TCP listener passes what clients send in the clear on over TLS, with the protocols offered that it is told to', async (t) => {
  const origin = await startOrigin(t, () => ok('secured'), { tls: { ...good, ALPNProtocols: ['postgresql'] } });
  const gateway = await passOn(t, origin);
  assert.equal((await exchange(t, gateway.port(), GET)).body, 'secured');
  assert.equal(secureSocket(origin, 0).alpnProtocol, 'postgresql');
  assert.equal(secureSocket(origin, 0).servername, 'app.test');
});

test('a TCP listener passes nothing on to an endpoint that cannot prove who it is', async (t) => {
  const origin = await startOrigin(t, () => ok(), { tls: authority.issue({ names: ['other.test'] }) });
  const gateway = await passOn(t, origin);
  const client = await connectRaw(t, gateway.port());
  void client.send(GET);
  assert.equal(await client.closed().catch(() => ''), '');
  assert.equal((await gateway.untilRecords(1))[0]?.error, 'tls_certificate_error');
  assert.equal(origin.requests.length, 0);
});

test('a PROXY header goes ahead of the handshake', async (t) => {
  const received: string[] = [];
  const origin = await startOrigin(t, () => ok('behind'), { tls: good });
  // Takes the header off, and passes the rest on to the origin.
  const front = createServer((socket) => {
    socket.once('data', (bytes: Buffer) => {
      const end = bytes.indexOf('\r\n') + 2;
      received.push(bytes.subarray(0, end).toString('latin1'));
      const back = connect(origin.port, '127.0.0.1');
      back.write(bytes.subarray(end));
      socket.pipe(back).pipe(socket);
      back.on('error', () => socket.destroy());
    });
    socket.on('error', () => {});
  });
  front.listen(0, '127.0.0.1');
  await once(front, 'listening');
  t.after(() => front.close());
  const { port } = front.address() as { port: number };
  const gateway = await passOn(t, { ...origin, address: `127.0.0.1:${port}` } as Origin, 'send-proxy-protocol: v1');
  assert.equal((await exchange(t, gateway.port(), GET)).body, 'behind');
  assert.match(received[0] ?? '', /^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\n$/);
});

test('content that breaks off is not taken for whole', async (t) => {
  const folder = await folderOf(t, { 'ca.pem': authority.cert });
  const origin = await startOrigin(
    t,
    (_request, { socket }) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf', () => {
        // Below TLS, so that no close_notify goes out.
        (socket as TLSSocket & { _parent: Socket })._parent?.resetAndDestroy();
        socket.destroy();
      });
      return undefined;
    },
    { tls: good },
  );
  const gateway = await startTidegate(
    t,
    `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['${origin.address}'], tls: { ca: '\${file:${join(folder, 'ca.pem')}}' } } }
`,
  );
  await assert.rejects(exchange(t, gateway.port(), GET));
  assert.equal((await gateway.untilRecords(1))[0]?.error, 'http_response_incomplete');
});
