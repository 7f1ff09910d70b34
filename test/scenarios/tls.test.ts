// Listeners that end TLS, with clients of other makers.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import net from 'node:net';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { spawnTidegate, startTidegate } from '../support/gateway.ts';
import { ok, startOrigin } from '../support/origin.ts';
import { authority, certificateFiles, connectTls, run, secureGet } from '../support/tls.ts';

const site = authority.issue({ names: ['localhost', '127.0.0.1'] });
const files = certificateFiles({ site });

const LISTENER = `
listeners:
  web:
    address: '127.0.0.1:0'
    tls: { certificates: [{ cert: site.pem, key: site.key }] }
`;

const SAYING = `${LISTENER}
routes: [{ name: all, match: { path: /* }, respond: { body: "\${request.scheme} \${request.path}" } }]
`;

test('curl gets an answer by HTTPS, and the origin is told so', async (t) => {
  const origin = await startOrigin(t, () => ok('hello'));
  const gateway = await startTidegate(
    t,
    `${LISTENER}
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['${origin.address}'] } }
`,
    { files },
  );
  const ca = join(dirname(gateway.file), 'ca.pem');
  await writeFile(ca, authority.cert);
  const output = await run('curl', ['-s', '--cacert', ca, `https://127.0.0.1:${gateway.port()}/a`]);
  assert.equal(output, 'hello');
  const [request] = origin.requests;
  assert.match(request?.head ?? '', /^x-forwarded-proto: https\r$/im);
  const [record] = await gateway.untilRecords(1);
  assert.equal(record?.status, 200);
});

test('openssl s_client verifies the certificate and agrees on http/1.1', async (t) => {
  const gateway = await startTidegate(t, SAYING, { files });
  const ca = join(dirname(gateway.file), 'ca.pem');
  await writeFile(ca, authority.cert);
  const args = ['s_client', '-connect', `127.0.0.1:${gateway.port()}`, '-servername', 'localhost', '-CAfile', ca];
  const output = await run(
    'openssl',
    [...args, '-alpn', 'http/1.1', '-ign_eof'],
    'GET /b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
  );
  assert.match(output, /Verify return code: 0 \(ok\)/);
  assert.match(output, /ALPN protocol: http\/1\.1/);
  assert.match(output, /https \/b/);
});

test('RFC 8446 6.1: the gateway says that it closes, after its last response and when a client is idle for too long', async (t) => {
  const gateway = await startTidegate(
    t,
    `${SAYING}`.replace("'127.0.0.1:0'", "'127.0.0.1:0'\n    timeouts: { keep-alive: 100ms }"),
    {
      files,
    },
  );
  for (const connection of ['close', 'keep-alive']) {
    const output = await run(
      'openssl',
      ['s_client', '-connect', `127.0.0.1:${gateway.port()}`, '-servername', 'localhost', '-ign_eof'],
      `GET / HTTP/1.1\r\nHost: localhost\r\nConnection: ${connection}\r\n\r\n`,
    );
    assert.match(output, /HTTP\/1\.1 200/);
    assert.match(output, /^closed$/m);
    assert.doesNotMatch(output, /unexpected eof/);
  }
});

test('many requests on one connection, pipelined ones among them, are answered in order', async (t) => {
  const gateway = await startTidegate(t, SAYING, { files });
  const socket = await connectTls(t, gateway.port());
  const request = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
  socket.write(request('/1') + request('/2') + request('/3').slice(0, 20));
  socket.write(`${request('/3').slice(20)}GET /4 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
  let text = '';
  for await (const part of socket.setEncoding('latin1')) text += part;
  assert.deepEqual(text.match(/https \/\d/g), ['https /1', 'https /2', 'https /3', 'https /4']);
});

test('large content passes both ways whole', async (t) => {
  const size = 3_000_000;
  const origin = await startOrigin(t, ({ body }) => ok(body));
  const gateway = await startTidegate(
    t,
    `${LISTENER}
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['${origin.address}'] } }
`,
    { files },
  );
  const socket = await connectTls(t, gateway.port());
  const content = 'abcdefgh'.repeat(size / 8);
  socket.write(`POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: ${size}\r\n\r\n`);
  socket.write(content);
  let text = '';
  for await (const part of socket.setEncoding('latin1')) text += part;
  assert.ok(text.endsWith(`\r\n\r\n${content}`));
});

test('a client that speaks no TLS, and one that leaves, are in the records', async (t) => {
  const gateway = await startTidegate(t, SAYING, { files });
  const plain = net.connect(gateway.port(), '127.0.0.1');
  plain.on('error', () => {}).resume();
  plain.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await once(plain, 'close');
  const [first] = await gateway.untilRecords(1);
  assert.equal(first?.error, 'tls-handshake-failed');
  net.connect(gateway.port(), '127.0.0.1').end();
  const [, second] = await gateway.untilRecords(2);
  assert.equal(second?.error, 'client-closed');
  const failures = (kind: string) =>
    gateway.metric(`tidegate_listener_tls_handshake_failures_total{listener="web",kind="${kind}"}`);
  assert.deepEqual([await failures('no-tls'), await failures('closed')], [1, 1]);
});

test('a handshake that does not come to its end in time is reset', async (t) => {
  const gateway = await startTidegate(t, SAYING.replace('tls: {', 'tls: { handshake-timeout: 200ms,'), { files });
  const silent = net.connect(gateway.port(), '127.0.0.1');
  const half = net.connect(gateway.port(), '127.0.0.1');
  half.write(Buffer.from([22, 3, 1, 2, 0, 1, 0]));
  await Promise.all([silent, half].map((socket) => once(socket, 'close').catch(() => {})));
  const records = await gateway.untilRecords(2);
  assert.deepEqual(
    records.map(({ error }) => error),
    ['tls-handshake-failed', 'tls-handshake-failed'],
  );
});

test('a reload takes new certificates from the files, and refuses those that cannot be used', async (t) => {
  const gateway = await startTidegate(t, SAYING, { files });
  const kept = await connectTls(t, gateway.port());
  const before = (await secureGet(gateway.port())).fingerprint;
  const next = authority.issue({ names: ['localhost'] });
  await gateway.writeBeside('site.pem', next.cert);
  const refused = await gateway.admin<{ problems: string[] }>('/reload', 'POST');
  assert.match(refused.problems.join(), /site\.key does not belong to the first certificate of its cert/);
  assert.equal((await secureGet(gateway.port())).fingerprint, before);
  await gateway.writeBeside('site.key', next.key);
  await gateway.admin('/reload', 'POST');
  assert.notEqual((await secureGet(gateway.port())).fingerprint, before);
  kept.write('GET /kept HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
  let text = '';
  for await (const part of kept.setEncoding('latin1')) text += part;
  assert.match(text, /https \/kept/);
});

test('certificates that cannot be used are refused at the start, with their place', async (t) => {
  const broken = { 'site.pem': 'nothing', 'site.key': files['site.key'] as string };
  for (const [own, message] of [
    [{}, /tidegate\.yaml:\d+:\d+: .*site\.pem does not exist/],
    [broken, /tidegate\.yaml:\d+:\d+: .*site\.pem holds no certificate in PEM/],
  ] as const) {
    const gateway = await spawnTidegate(t, SAYING, { files: own });
    assert.equal(await gateway.exit, 1);
    assert.match(gateway.log.map(({ msg }) => msg).join('\n'), message);
  }
});
