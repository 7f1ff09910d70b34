// Certificates of clients: who gets a connection, whom routes let in, and what endpoints are told.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import tls from 'node:tls';
import { createAuthority } from '../support/certificates.ts';
import { startTidegate, type TestGateway } from '../support/gateway.ts';
import { ok, startOrigin } from '../support/origin.ts';
import { authority, certificateFiles, connectTls, run } from '../support/tls.ts';

const clients = createAuthority('Clients');
const teams = clients.subordinate('Teams');
const alice = clients.issue({ names: ['alice.clients.test', 'spiffe://clients/alice'] });
const bob = clients.issue({ names: ['bob.clients.test'] });
const carol = teams.issue({ names: ['carol.clients.test'] });
const stranger = createAuthority('Others').issue({ names: ['alice.clients.test'] });
const late = clients.issue({ names: ['late.clients.test'], validForDays: -1 });

const site = authority.issue({ names: ['localhost', 'open.test', 'closed.test'] });
const files = {
  ...certificateFiles({ site }),
  'clients.pem': clients.cert,
  'teams.pem': teams.cert,
  'revoked.pem': clients.revoke([bob]),
};

/** A gateway before `origin`, which asks clients for certificates as `client` says; `policies` are those of its route. */
async function start(t: TestContext, client: string, policies = '[]', more = '') {
  const origin = await startOrigin(t, () => ok('hello'));
  const gateway = await startTidegate(
    t,
    `
listeners:
  web:
    address: '127.0.0.1:0'
    tls: { certificates: [{ cert: site.pem, key: site.key }], client: { ca: clients.pem, ${client} } }
routes: [{ name: all, match: { path: /* }, upstream: app, policies: ${policies} }]
upstreams: { app: { endpoints: ['${origin.address}'] } }
${more}
`,
    { files },
  );
  return { origin, gateway };
}

interface Asked {
  readonly servername?: string;
  readonly host?: string;
  readonly fields?: string;
}

/** Status of the answer to one request on a new connection; or the error code when there is none. */
async function ask(
  t: TestContext,
  gateway: TestGateway,
  credentials: tls.ConnectionOptions = {},
  { servername = 'localhost', host = servername, fields = '' }: Asked = {},
): Promise<number | string> {
  try {
    const socket = await connectTls(t, gateway.port(), {
      servername,
      checkServerIdentity: () => undefined,
      ...credentials,
    });
    socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n${fields}Connection: close\r\n\r\n`);
    let text = '';
    for await (const part of socket.setEncoding('latin1')) text += part;
    // With TLS 1.3 a client does not know yet that it is refused.
    return text === '' ? 'closed' : Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1]);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

/** Lines of the request's head, as the origin got it, whose names begin so. */
function linesOf(head: string | undefined, name: string): readonly string[] {
  return (head ?? '').split('\r\n').filter((line) => line.toLowerCase().startsWith(name));
}

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`${maxVersion}: with mode: required there is no connection without a certificate that is accepted`, async (t) => {
    const { gateway, origin } = await start(t, 'mode: required');
    assert.equal(await ask(t, gateway, { ...alice, maxVersion }), 200);
    for (const credentials of [{}, stranger, late]) {
      assert.equal(typeof (await ask(t, gateway, { ...credentials, maxVersion })), 'string');
    }
    assert.equal(origin.requests.length, 1);
    const records = await gateway.untilRecords(4);
    const reasons = records.filter(({ error }) => error === 'tls-handshake-failed').map(({ reason }) => String(reason));
    assert.equal(reasons.length, 3);
    for (const [i, expected] of [/did not return a certificate/, /UNABLE_TO|SELF_SIGNED/, /CERT_HAS_EXPIRED/].entries())
      assert.match(reasons[i] ?? '', expected);
    const failures = 'tidegate_listener_tls_handshake_failures_total{listener="web",kind="client-certificate"}';
    assert.equal(await gateway.metric(failures), 3);
  });

  test(`${maxVersion}: with mode: optional a certificate that is not accepted is no identity at all`, async (t) => {
    const { gateway, origin } = await start(t, 'mode: optional, forward: [subject, fingerprint]');
    for (const credentials of [alice, {}, stranger, late])
      assert.equal(await ask(t, gateway, { ...credentials, maxVersion }), 200);
    assert.deepEqual(
      origin.requests.map(({ head }) => linesOf(head, 'client-cert')),
      [
        [
          'client-cert-subject: CN=alice.clients.test',
          `client-cert-fingerprint: ${new X509Certificate(alice.cert).fingerprint256.replaceAll(':', '').toLowerCase()}`,
        ],
        [],
        [],
        [],
      ],
    );
    const records = await gateway.untilRecords(4);
    assert.deepEqual(
      records.map(({ client_subject }) => client_subject),
      ['CN=alice.clients.test', undefined, undefined, undefined],
    );
  });

  test(`${maxVersion}: a session that is resumed keeps the identity`, async (t) => {
    const { gateway, origin } = await start(t, 'mode: required, forward: certificate');
    const session = Promise.withResolvers<Buffer>();
    const first = tls.connect({
      host: '127.0.0.1',
      port: gateway.port(),
      servername: 'localhost',
      ca: authority.cert,
      maxVersion,
      ...alice,
    });
    first.once('session', session.resolve);
    t.after(() => first.destroy());
    await once(first, 'secureConnect');
    const second = await connectTls(t, gateway.port(), { maxVersion, session: await session.promise });
    assert.equal(second.isSessionReused(), true);
    second.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(second, 'data');
    const der = new X509Certificate(alice.cert).raw.toString('base64');
    assert.deepEqual(linesOf(origin.requests[0]?.head, 'client-cert'), [`client-cert: :${der}:`]);
  });
}

/** What a client with these credentials sees of TLS when it has sent a request: the code of an error, or 'end'. */
async function endingOf(t: TestContext, gateway: TestGateway, credentials: tls.ConnectionOptions): Promise<string> {
  const socket = tls.connect({
    host: '127.0.0.1',
    port: gateway.port(),
    servername: 'localhost',
    ca: authority.cert,
    ...credentials,
  });
  t.after(() => socket.destroy());
  const { promise, resolve } = Promise.withResolvers<string>();
  socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code ?? ''));
  socket.once('end', () => resolve('end'));
  socket.once('secureConnect', () => socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'));
  socket.resume();
  return await promise;
}

for (const [maxVersion, alert, number] of [
  ['TLSv1.2', /HANDSHAKE_FAILURE/, 40],
  ['TLSv1.3', /CERTIFICATE_REQUIRED/, 116],
] as const) {
  test(`RFC 8446 4.4.2.4, ${maxVersion}: a client that shows no certificate sees an alert, one whose is not accepted an orderly end`, async (t) => {
    const { gateway } = await start(t, 'mode: required');
    assert.match(await endingOf(t, gateway, { maxVersion }), alert);
    for (const credentials of [stranger, late])
      assert.equal(await endingOf(t, gateway, { ...credentials, maxVersion }), 'end');
    await gateway.writeBeside('stranger.pem', stranger.cert + stranger.key);
    const version = maxVersion === 'TLSv1.2' ? '-tls1_2' : '-tls1_3';
    const to = ['-connect', `127.0.0.1:${gateway.port()}`, version, '-ign_eof'];
    const request = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';
    assert.match(await run('openssl', ['s_client', ...to], request), new RegExp(`alert number ${number}\\b`));
    const pem = join(dirname(gateway.file), 'stranger.pem');
    const refused = await run('openssl', ['s_client', ...to, '-cert', pem], request);
    assert.match(refused, /^closed$/m);
    assert.doesNotMatch(refused, /unexpected eof|errno|alert number/);
  });
}

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`${maxVersion}: a session that began with a certificate that is not accepted is no way in`, async (t) => {
    const { gateway, origin } = await start(t, 'mode: required');
    const credentials = { ...stranger, maxVersion };
    const options = { host: '127.0.0.1', port: gateway.port(), servername: 'localhost', ca: authority.cert };
    const first = tls.connect({ ...options, ...credentials });
    first.on('error', () => {});
    t.after(() => first.destroy());
    const [session] = (await once(first, 'session')) as [Buffer];
    assert.equal(await ask(t, gateway, { ...credentials, session }), 'closed');
    assert.equal(origin.requests.length, 0);
    const reasons = (await gateway.untilRecords(2)).map(({ reason }) => String(reason));
    assert.deepEqual(new Set(reasons).size, 1, reasons.join('; '));
  });
}

test('authorities and lists of revoked certificates may be given as texts', async (t) => {
  const { gateway } = await start(t, "mode: required, crl: '${file:revoked.pem}'");
  assert.equal(await ask(t, gateway, alice), 200);
  assert.equal(typeof (await ask(t, gateway, bob)), 'string');
});

test('a client that was refused cannot hold the connection by sending on', async (t) => {
  const { gateway } = await start(t, 'mode: required');
  for (const credentials of [{}, stranger]) {
    // What TLS does at its end of the connection is of no interest: bytes keep coming on the connection beneath.
    const tcp = net.connect({ host: '127.0.0.1', port: gateway.port(), allowHalfOpen: true });
    const closed = new Promise((resolve) => tcp.once('close', resolve));
    const secure = tls.connect({ socket: tcp, servername: 'localhost', ca: authority.cert, ...credentials });
    for (const socket of [tcp, secure]) socket.on('error', () => {});
    const destroy = tcp.destroy.bind(tcp);
    tcp.destroy = () => tcp;
    t.after(() => void destroy());
    const send = () => void tcp.write(Buffer.alloc(16_384), (error) => (error ? destroy() : setImmediate(send)));
    secure.once('secureConnect', send);
    await closed;
  }
  assert.deepEqual(
    (await gateway.untilRecords(2)).map(({ error }) => error),
    ['tls-handshake-failed', 'tls-handshake-failed'],
  );
});

test('RFC 9440 2.4: fields that tell of certificates are taken from every request, whatever their spelling', async (t) => {
  const { gateway, origin } = await start(t, 'mode: optional, forward: subject');
  const forged = [
    'Client-Cert: :AAAA:',
    'CLIENT-CERT-CHAIN: :AAAA:',
    'client-cert-subject: CN=root',
    'client_cert_subject: CN=root',
    'Client-Cert_Issuer: CN=root',
    'Client_Cert: :AAAA:',
    'client-cert-fingerprint: 00',
  ];
  const fields = `${forged.join('\r\n')}\r\n`;
  assert.equal(await ask(t, gateway, {}, { fields }), 200);
  assert.equal(await ask(t, gateway, alice, { fields }), 200);
  const [without, with_] = origin.requests.map(({ head }) => head);
  assert.deepEqual(linesOf(without, 'client'), []);
  assert.deepEqual(linesOf(with_, 'client'), ['client-cert-subject: CN=alice.clients.test']);
});

test('RFC 9440 2.4: a proxy that is trusted for addresses alone passes on what its clients have made up, and is not believed', async (t) => {
  const { gateway, origin } = await start(t, 'mode: optional', '[]', 'forwarding: { trusted: [127.0.0.1] }');
  const fields = 'X-Forwarded-For: 203.0.113.9\r\nClient-Cert: :AAAA:\r\nclient_cert_subject: CN=root\r\n';
  assert.equal(await ask(t, gateway, {}, { fields }), 200);
  const [head] = origin.requests.map((request) => request.head);
  assert.deepEqual(linesOf(head, 'client'), []);
  assert.deepEqual(linesOf(head, 'x-forwarded-for'), ['x-forwarded-for: 203.0.113.9, 127.0.0.1']);
});

test('what a proxy in front that is trusted with it says of certificates is passed on, unless the proxy itself has an identity here', async (t) => {
  const { gateway, origin } = await start(
    t,
    'mode: optional, forward: subject',
    '[]',
    'forwarding: { trusted: [127.0.0.1], client-certificates: true }',
  );
  const fields = 'Client-Cert: :AAAA:\r\n';
  assert.equal(await ask(t, gateway, {}, { fields }), 200);
  assert.equal(await ask(t, gateway, alice, { fields }), 200);
  assert.deepEqual(
    origin.requests.map(({ head }) => linesOf(head, 'client-cert')),
    [['Client-Cert: :AAAA:'], ['client-cert-subject: CN=alice.clients.test']],
  );
});

test('a forged field comes through neither HTTP/2 nor trailers', async (t) => {
  const { gateway, origin } = await start(t, 'mode: optional');
  const url = `https://localhost:${gateway.port()}/`;
  await run('curl', ['-sk', '--http2', '-H', 'Client-Cert: :AAAA:', '-H', 'client_cert_subject: CN=root', url]);
  const socket = await connectTls(t, gateway.port());
  socket.write(
    'POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nTrailer: Client-Cert\r\n\r\n0\r\nClient-Cert: :AAAA:\r\nX-Kept: 1\r\n\r\n',
  );
  await once(socket, 'data');
  assert.equal(origin.requests.length, 2);
  for (const { head, trailers } of origin.requests)
    assert.deepEqual([...linesOf(head, 'client'), ...trailers.filter(([name]) => /^client/i.test(name))], []);
});

test('RFC 9440 2.3: the chain tells of the issuers that the client has sent', async (t) => {
  const { gateway, origin } = await start(t, 'mode: required, forward: [certificate, chain]');
  assert.equal(await ask(t, gateway, { key: carol.key, cert: carol.cert + teams.cert }), 200);
  assert.equal(await ask(t, gateway, alice), 200);
  const base64 = (pem: string) => `:${new X509Certificate(pem).raw.toString('base64')}:`;
  assert.deepEqual(
    origin.requests.map(({ head }) => linesOf(head, 'client-cert')),
    [
      [`client-cert: ${base64(carol.cert)}`, `client-cert-chain: ${base64(teams.cert)}`],
      [`client-cert: ${base64(alice.cert)}`],
    ],
  );
});

test('an authority that is itself vouched for by another may be the one that is believed', async (t) => {
  const { gateway } = await start(t, 'mode: required');
  await gateway.writeBeside('clients.pem', teams.cert);
  await gateway.until(() => gateway.log.find(({ msg }) => msg === 'configuration is in use'));
  assert.equal(await ask(t, gateway, carol), 200);
  assert.equal(typeof (await ask(t, gateway, alice)), 'string');
});

test('a certificate that is revoked is refused; a new list counts as soon as its file is there', async (t) => {
  const { gateway } = await start(t, 'mode: required, crl: revoked.pem');
  assert.equal(await ask(t, gateway, alice), 200);
  assert.equal(typeof (await ask(t, gateway, bob)), 'string');
  const records = await gateway.untilRecords(2);
  assert.match(String(records[1]?.reason), /CERT_REVOKED/);
  await gateway.writeBeside('revoked.pem', 'half');
  await gateway.untilLogged('the new configuration is refused; the old one stays in use');
  assert.equal(await ask(t, gateway, alice), 200);
  await gateway.writeBeside('revoked.pem', clients.revoke([alice]));
  await gateway.untilLogged('configuration is in use');
  assert.equal(typeof (await ask(t, gateway, alice)), 'string');
  assert.equal(await ask(t, gateway, bob), 200);
});

test('a session does not outlive a change of the authorities', async (t) => {
  const { gateway } = await start(t, 'mode: required, crl: revoked.pem');
  const session = Promise.withResolvers<Buffer>();
  const first = tls.connect({
    host: '127.0.0.1',
    port: gateway.port(),
    servername: 'localhost',
    ca: authority.cert,
    ...alice,
  });
  first.once('session', session.resolve);
  t.after(() => first.destroy());
  await once(first, 'secureConnect');
  await gateway.writeBeside('revoked.pem', clients.revoke([alice]));
  await gateway.untilLogged('configuration is in use');
  assert.equal(typeof (await ask(t, gateway, { ...alice, session: await session.promise })), 'string');
});

test('a list that has run out lets nobody in', async (t) => {
  const { gateway } = await start(t, 'mode: required, crl: revoked.pem');
  await gateway.writeBeside('revoked.pem', clients.revoke([], -1));
  await gateway.untilLogged('configuration is in use');
  assert.equal(typeof (await ask(t, gateway, alice)), 'string');
  const [record] = await gateway.untilRecords(1);
  assert.match(String(record?.reason), /CRL_HAS_EXPIRED/);
});

test('routes let in by what the certificate says, and take it as the identity', async (t) => {
  const policy =
    '{ type: client-certificate, names: ["*.clients.test"], common-names: [alice.clients.test], consumer: common-name }';
  const { gateway, origin } = await start(
    t,
    'mode: optional',
    `[${policy}, { type: headers, request: { set: { x-who: "\${consumer} \${client.certificate.name} \${tls.version}" } } }]`,
  );
  assert.equal(await ask(t, gateway, alice), 200);
  assert.equal(await ask(t, gateway, bob), 403);
  assert.equal(await ask(t, gateway), 403);
  assert.equal(await ask(t, gateway, stranger), 403);
  assert.deepEqual(linesOf(origin.requests[0]?.head, 'x-who'), [
    'x-who: alice.clients.test alice.clients.test TLSv1.3',
  ]);
  const records = await gateway.untilRecords(4);
  assert.deepEqual(
    records.map(({ consumer, error }) => [consumer, error]),
    [
      ['alice.clients.test', undefined],
      [undefined, 'client-certificate-refused'],
      [undefined, 'client-certificate-refused'],
      [undefined, 'client-certificate-refused'],
    ],
  );
});

test('RFC 5280 4.2.1.6: a URI in a certificate that ends like a host name is none', async (t) => {
  const eve = clients.issue({ names: ['spiffe://eve.clients.test'] });
  const { gateway } = await start(t, 'mode: required', '[{ type: client-certificate, names: ["*.clients.test"] }]');
  assert.equal(await ask(t, gateway, alice), 200);
  assert.equal(await ask(t, gateway, eve), 403);
});

test('only clients that want certain names are asked; requests for these on other connections are misdirected', async (t) => {
  const { gateway, origin } = await start(t, 'mode: required, names: closed.test');
  assert.equal(await ask(t, gateway, {}, { servername: 'open.test' }), 200);
  assert.equal(typeof (await ask(t, gateway, {}, { servername: 'closed.test' })), 'string');
  assert.equal(await ask(t, gateway, alice, { servername: 'closed.test' }), 200);
  assert.equal(await ask(t, gateway, alice, { servername: 'open.test', host: 'closed.test' }), 421);
  assert.equal(await ask(t, gateway, alice, { servername: '', host: 'CLOSED.test:443' }), 421);
  assert.equal(await ask(t, gateway, alice, { servername: 'open.test', host: 'closed.test.' }), 421);
  assert.equal(await ask(t, gateway, alice, { servername: 'closed.test', host: 'open.test' }), 200);
  assert.equal(origin.requests.length, 3);
});

test('HTTP/2: a request for a host with other rules is misdirected, and the connection goes on', async (t) => {
  const { gateway } = await start(t, 'mode: required, names: closed.test');
  const port = String(gateway.port());
  const output = await run('curl', [
    '-sk',
    '--http2',
    '--connect-to',
    `open.test:443:127.0.0.1:${port}`,
    '-w',
    '%{http_version} %{http_code} %{num_connects}\n',
    '-o',
    '/dev/null',
    '-o',
    '/dev/null',
    '-H',
    'Host: closed.test',
    'https://open.test/',
    'https://open.test/',
  ]);
  assert.deepEqual(output.trim().split('\n'), ['2 421 1', '2 421 0']);
});
