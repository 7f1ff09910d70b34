// Handshakes of listeners with TLS: which certificate a client gets, what it may agree on, how sessions are resumed, what failures tell.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import tls from 'node:tls';
import { startTidegate, type TestGateway } from '../support/gateway.ts';
import { authority, certificateFiles, connectTls, run, secureGet } from '../support/tls.ts';

const certificates = {
  site: authority.issue({ names: ['localhost', 'site.test'] }),
  'site-rsa': authority.issue({ names: ['site.test'], keyType: 'rsa' }),
  other: authority.issue({ names: ['other.test'], keyType: 'rsa' }),
  wild: authority.issue({ names: ['*.wild.test'] }),
  exact: authority.issue({ names: ['exact.wild.test'] }),
  address: authority.issue({ names: ['127.0.0.1', '::1'] }),
};

/** A gateway whose listener has these certificates, in this order, and more options of its section `tls`. */
function startWith(
  t: TestContext,
  names: readonly (keyof typeof certificates)[],
  options = '',
  more = '',
): Promise<TestGateway> {
  const list = names.map((name) => `{ cert: ${name}.pem, key: ${name}.key }`).join(', ');
  return startTidegate(
    t,
    `
listeners:
  web: { address: '127.0.0.1:0', tls: { certificates: [${list}], ${options} } }
routes: [{ name: all, match: { path: /* }, respond: { body: hello } }]
${more}`,
    { files: certificateFiles(certificates) },
  );
}

/** The certificate that a client gets, by its name in the table above. */
async function certificateFor(t: TestContext, gateway: TestGateway, options: tls.ConnectionOptions): Promise<string> {
  const socket = await connectTls(t, gateway.port(), { checkServerIdentity: () => undefined, ...options });
  const raw = socket.getPeerX509Certificate();
  const found = Object.entries(certificates).find(([, { cert }]) => raw?.toString().trim() === cert.trim());
  socket.destroy();
  return found?.[0] ?? 'unknown';
}

/** The error code of a handshake that fails. */
async function failureOf(gateway: TestGateway, options: tls.ConnectionOptions): Promise<string> {
  const socket = tls.connect({ host: '127.0.0.1', port: gateway.port(), ca: authority.cert, ...options });
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
  socket.destroy();
  return error.code ?? '';
}

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`${maxVersion}: the certificate is that of the name, an exact one ahead of a wildcard, in any case`, async (t) => {
    const gateway = await startWith(t, ['site', 'other', 'wild', 'exact']);
    const names = ['other.test', 'OTHER.test', 'a.wild.test', 'exact.wild.test', 'site.test', ''];
    const found: string[] = [];
    for (const servername of names) found.push(await certificateFor(t, gateway, { servername, maxVersion }));
    assert.deepEqual(found, ['other', 'other', 'wild', 'exact', 'site', 'site']);
  });

  test(`${maxVersion}: of several certificates for a name the client gets one that it can verify`, async (t) => {
    const gateway = await startWith(t, ['site-rsa', 'site']);
    const rsa = 'RSA-PSS+SHA256:RSA+SHA256';
    assert.equal(await certificateFor(t, gateway, { servername: 'site.test', maxVersion }), 'site');
    assert.equal(await certificateFor(t, gateway, { servername: 'site.test', maxVersion, sigalgs: rsa }), 'site-rsa');
    assert.equal(await certificateFor(t, gateway, { servername: '', maxVersion, sigalgs: rsa }), 'site-rsa');
  });
}

test('a client that asks for no name gets the certificate for the address that it has come to', async (t) => {
  const gateway = await startWith(t, ['site', 'address']);
  assert.equal(await certificateFor(t, gateway, { servername: '' }), 'address');
  assert.equal(await certificateFor(t, gateway, { servername: 'site.test' }), 'site');
  const answer = await secureGet(gateway.port(), { servername: '', headers: { host: '127.0.0.1' } });
  assert.equal(answer.status, 200);
});

test('a client of TLS 1.2 that knows ECDSA, but no cipher suite with it, gets the certificate with RSA', async (t) => {
  const gateway = await startWith(t, ['site', 'site-rsa']);
  const options = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' } as const;
  assert.equal(await certificateFor(t, gateway, { servername: 'site.test', ...options }), 'site-rsa');
});

test('a client of TLS 1.2 that knows ECDSA with SHA-384 only gets the certificate with a key on P-256', async (t) => {
  const gateway = await startWith(t, ['site-rsa', 'site']);
  const options = { servername: 'site.test', maxVersion: 'TLSv1.2', sigalgs: 'ECDSA+SHA384' } as const;
  assert.equal(await certificateFor(t, gateway, options), 'site');
});

test('RFC 9525 6.3: a wildcard stands for one label', async (t) => {
  const gateway = await startWith(t, ['site', 'wild']);
  for (const servername of ['a.b.wild.test', 'wild.test'])
    assert.match(await failureOf(gateway, { servername }), /UNRECOGNIZED_NAME/);
});

test('RFC 9325 3.7: a name that no certificate has is refused, counted, logged once, and in the records', async (t) => {
  const gateway = await startWith(t, ['site']);
  for (let i = 0; i < 3; i++)
    assert.match(await failureOf(gateway, { servername: 'nobody.test', ALPNProtocols: ['h2'] }), /UNRECOGNIZED_NAME/);
  const [record] = await gateway.untilRecords(3);
  assert.equal(record?.error, 'tls-handshake-failed');
  assert.equal(record?.sni, 'nobody.test');
  const failures = 'tidegate_listener_tls_handshake_failures_total{listener="web",kind="unknown-name"}';
  assert.equal(await gateway.metric(failures), 3);
  const lines = gateway.log.filter(({ msg }) => msg === 'a TLS handshake failed');
  assert.deepEqual(
    lines.map(({ level, kind, name, client }) => [level, kind, name, client]),
    [['warn', 'unknown-name', 'nobody.test', '127.0.0.1']],
  );
});

test('with unknown-name: default such a client gets the first certificate', async (t) => {
  const gateway = await startWith(t, ['other', 'site'], 'unknown-name: default');
  assert.equal(await certificateFor(t, gateway, { servername: 'nobody.test' }), 'other');
});

test('TLS 1.2 is refused where 1.3 is asked for, TLS 1.1 everywhere', async (t) => {
  const gateway = await startWith(t, ['site'], 'min-version: TLSv1.3');
  const old = await failureOf(gateway, { servername: 'localhost', maxVersion: 'TLSv1.2' });
  assert.match(old, /PROTOCOL_VERSION/);
  assert.equal((await secureGet(gateway.port())).status, 200);
  const modern = await startWith(t, ['site']);
  const older = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
  assert.match(await failureOf(modern, { servername: 'localhost', ...older }), /PROTOCOL_VERSION/);
  assert.equal(await modern.metric('tidegate_listener_tls_handshake_failures_total{listener="web",kind="version"}'), 1);
});

test('ciphers without forward secrecy or authenticated encryption are refused unless asked for', async (t) => {
  const gateway = await startWith(t, ['site-rsa'], 'unknown-name: default');
  for (const ciphers of ['AES128-GCM-SHA256', 'ECDHE-RSA-AES128-SHA256'])
    assert.match(await failureOf(gateway, { servername: 'x', maxVersion: 'TLSv1.2', ciphers }), /HANDSHAKE_FAILURE/);
  await gateway.untilRecords(2);
  const failures = 'tidegate_listener_tls_handshake_failures_total{listener="web",kind="cipher"}';
  assert.equal(await gateway.metric(failures), 2);
  const old = await startWith(t, ['site-rsa'], 'ciphers: [ECDHE-RSA-AES128-SHA256], groups: [P-256]');
  const options = { servername: 'site.test', maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-SHA256' } as const;
  const socket = await connectTls(t, old.port(), options);
  assert.deepEqual(socket.getEphemeralKeyInfo(), { type: 'ECDH', name: 'prime256v1', size: 256 });
});

test('the most wanted cipher suite of the listener is taken, whatever the order of the client', async (t) => {
  const gateway = await startWith(t, ['site'], 'ciphers: [TLS_AES_256_GCM_SHA384, TLS_AES_128_GCM_SHA256]');
  const ciphers = 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384';
  const socket = await connectTls(t, gateway.port(), { ciphers });
  assert.equal(socket.getCipher().name, 'TLS_AES_256_GCM_SHA384');
});

test('records tell what the handshake has agreed on', async (t) => {
  const gateway = await startWith(t, ['site']);
  const socket = await connectTls(t, gateway.port(), { ALPNProtocols: ['http/1.1'] });
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const [record] = await gateway.untilRecords(1);
  const { tls_version, tls_cipher, sni, alpn, tls_resumed } = record ?? {};
  assert.deepEqual(
    { tls_version, tls_cipher, sni, alpn, tls_resumed },
    {
      tls_version: 'TLSv1.3',
      tls_cipher: 'TLS_AES_128_GCM_SHA256',
      sni: 'localhost',
      alpn: 'http/1.1',
      tls_resumed: undefined,
    },
  );
});

test('a client that speaks HTTP without TLS is told so', async (t) => {
  const gateway = await startWith(t, ['site']);
  const plain = net.connect(gateway.port(), '127.0.0.1');
  plain.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  let text = '';
  for await (const part of plain.setEncoding('latin1')) text += part;
  assert.match(text, /^HTTP\/1\.1 400 .*\r\n\r\nThis port speaks HTTPS\.\n$/s);
  await gateway.untilRecords(1);
  assert.equal(await gateway.metric('tidegate_listener_tls_handshake_failures_total{listener="web",kind="no-tls"}'), 1);
});

test('a client that ends the handshake with an alert is counted as such, with what it says', async (t) => {
  const gateway = await startWith(t, ['site']);
  assert.match(await failureOf(gateway, { servername: 'localhost', ca: [] }), /UNABLE_TO|SELF_SIGNED/);
  const [record] = await gateway.untilRecords(1);
  assert.match(String(record?.reason), /^TLS handshake, (alert: .*(unknown ca|certificate)|closed: )/);
});

/** Resumes a session on new connections until every worker has served one; returns how many were whole handshakes. */
async function resumeEverywhere(t: TestContext, gateway: TestGateway, options: tls.ConnectionOptions): Promise<number> {
  let { session } = await connectForSession(t, gateway, options);
  let whole = 0;
  for (let i = 0; i < 12; i++) {
    const next = await connectForSession(t, gateway, { ...options, session });
    if (!next.resumed) whole++;
    // Tickets of TLS 1.3 are for one use each (RFC 8446 C.4).
    session = next.session;
  }
  return whole;
}

/** Connects for nothing but the session that the client may resume next. */
async function connectForSession(t: TestContext, gateway: TestGateway, options: tls.ConnectionOptions) {
  const { promise, resolve } = Promise.withResolvers<Buffer>();
  const socket = tls.connect({
    host: '127.0.0.1',
    port: gateway.port(),
    servername: 'localhost',
    ca: authority.cert,
    ...options,
  });
  t.after(() => socket.destroy());
  socket.once('session', resolve);
  await once(socket, 'secureConnect');
  const resumed = socket.isSessionReused();
  // A session of TLS 1.2 that is resumed is not told of again.
  const isTold = !resumed || socket.getProtocol() === 'TLSv1.3';
  const session = isTold ? await promise : (options.session as Buffer);
  socket.end();
  socket.resume();
  await once(socket, 'close');
  return { session, resumed };
}

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`${maxVersion}: a session that one worker began is resumed by all, over a reload too`, async (t) => {
    const gateway = await startWith(t, ['site'], '', 'workers: 3');
    assert.equal(await resumeEverywhere(t, gateway, { maxVersion }), 0);
    const handshakes = (resumed: boolean) =>
      gateway.metric(
        `tidegate_listener_tls_handshakes_total{listener="web",version="${maxVersion}",resumed="${resumed}"}`,
      );
    assert.deepEqual([await handshakes(false), await handshakes(true)], [1, 12]);
    const { session } = await connectForSession(t, gateway, { maxVersion });
    assert.equal((await gateway.admin<{ ok: boolean }>('/reload', 'POST')).ok, true);
    assert.equal((await connectForSession(t, gateway, { maxVersion, session })).resumed, true);
  });

  test(`${maxVersion}: without session-tickets every handshake is a whole one`, async (t) => {
    const gateway = await startWith(t, ['site'], 'session-tickets: false');
    const first = await connectTls(t, gateway.port(), { maxVersion });
    const session = first.getSession();
    first.destroy();
    const second = await connectTls(t, gateway.port(), { maxVersion, session });
    assert.equal(second.isSessionReused(), false);
  });
}

test('RFC 6066 3: a session is resumed for the names of its certificate, and for no other', async (t) => {
  const gateway = await startWith(t, ['site', 'other']);
  const file = join(dirname(gateway.file), 'session.pem');
  // Node offers a session for the name that it began with only.
  const connect = (name: string, ...more: readonly string[]) =>
    run('openssl', ['s_client', '-connect', `127.0.0.1:${gateway.port()}`, '-tls1_2', '-servername', name, ...more]);
  assert.match(await connect('site.test', '-sess_out', file), /^New, TLSv1.2/m);
  assert.match(await connect('site.test', '-sess_in', file), /^Reused, TLSv1.2/m);
  assert.match(await connect('localhost', '-sess_in', file), /^Reused, TLSv1.2/m);
  assert.match(await connect('other.test', '-sess_in', file), /^New, TLSv1.2/m);
});

test('renegotiation is refused', async (t) => {
  const gateway = await startWith(t, ['site']);
  const socket = await connectTls(t, gateway.port(), { maxVersion: 'TLSv1.2' });
  socket.renegotiate({}, () => {});
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
  assert.match(error.code ?? '', /RENEGOTIATION|HANDSHAKE|ALERT/);
});
