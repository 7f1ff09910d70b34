// Automatic certificates: the gateway, Pebble as the authority, and clients that trust it.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startTidegate, type TestGateway } from '../support/gateway.ts';
import { ok, startOrigin } from '../support/origin.ts';
import { missingPebble, type Pebble, startPebble } from '../support/pebble.ts';
import { exchange } from '../support/raw-client.ts';
import { connectTls, secureGet } from '../support/tls.ts';

const SKIP = { skip: missingPebble() };

const ROUTES = 'routes: [{ name: all, match: { path: /* }, respond: { body: hello } }]';

/** A gateway on the ports where Pebble looks, with a certificate for `names`. */
function configuration(pebble: Pebble, names: string, acme = ''): string {
  return `
workers: 2
listeners:
  web: { address: '127.0.0.1:${pebble.httpPort}' }
  secure:
    address: '127.0.0.1:${pebble.tlsPort}'
    tls: { certificates: [{ acme: ${names} }] }
certificates:
  storage: certificates
  acme: { directory: '${pebble.directory}', ca: ca.pem, agree-to-terms: true, email: ops@a.example${acme} }
${ROUTES}
`;
}

function start(t: TestContext, pebble: Pebble, names: string, acme = ''): Promise<TestGateway> {
  return startTidegate(t, configuration(pebble, names, acme), { files: { 'ca.pem': pebble.authority } });
}

const issued = (gateway: TestGateway) => gateway.untilLogged('a certificate was issued');

async function get(pebble: Pebble, servername: string): Promise<string> {
  const { body } = await secureGet(pebble.tlsPort, { servername, ca: await pebble.root() });
  return body;
}

test('http-01: a certificate is issued, served to clients that trust the authority, and kept', SKIP, async (t) => {
  const pebble = await startPebble(t);
  const gateway = await start(t, pebble, '[a.example, b.example]');
  assert.deepEqual((await issued(gateway)).names, ['a.example', 'b.example']);
  assert.equal(await get(pebble, 'a.example'), 'hello');
  assert.equal(await get(pebble, 'b.example'), 'hello');
  const storage = join(dirname(gateway.file), 'certificates');
  assert.equal((await stat(storage)).mode & 0o777, 0o700);
  for (const entry of await readdir(storage, { withFileTypes: true, recursive: true })) {
    const { mode } = await stat(join(entry.parentPath, entry.name));
    assert.equal(mode & 0o077, 0, entry.name);
  }
  // Challenges are answered no more, and what is not one goes to the routes all the time.
  const answer = await exchange(
    t,
    pebble.httpPort,
    'GET /.well-known/acme-challenge/x HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n',
  );
  assert.equal(answer.body, 'hello');
});

test('a kept certificate is served at once when the gateway starts again, without the authority', SKIP, async (t) => {
  const pebble = await startPebble(t);
  const first = await start(t, pebble, 'a.example');
  await issued(first);
  const root = await pebble.root();
  const storage = join(dirname(first.file), 'certificates');
  await first.stop();
  await pebble.stop();
  const text = configuration(pebble, 'a.example').replace('storage: certificates', `storage: ${storage}`);
  await startTidegate(t, text, { files: { 'ca.pem': pebble.authority } });
  assert.equal((await secureGet(pebble.tlsPort, { servername: 'a.example', ca: root })).body, 'hello');
});

test(
  'a name that is added by a reload gets its certificate, and the listener serves the others meanwhile',
  SKIP,
  async (t) => {
    const pebble = await startPebble(t);
    const gateway = await start(t, pebble, '[a.example]');
    await issued(gateway);
    const next = configuration(pebble, '[a.example]').replace(
      '[{ acme: [a.example] }]',
      '[{ acme: [a.example] }, { acme: [c.example] }]',
    );
    await gateway.write(next);
    await gateway.until(() =>
      gateway.log.find(({ msg, names }) => msg === 'a certificate was issued' && String(names) === 'c.example'),
    );
    assert.equal(await get(pebble, 'a.example'), 'hello');
    assert.equal(await get(pebble, 'c.example'), 'hello');
  },
);

test(
  'an authority that cannot be reached keeps nothing from starting, and the log says why and when again',
  SKIP,
  async (t) => {
    const pebble = await startPebble(t);
    await pebble.stop();
    const gateway = await start(t, pebble, 'a.example');
    const line = await gateway.untilLogged('a certificate could not be issued');
    assert.match(String(line.reason), /ECONNREFUSED/);
    assert.ok(Date.parse(String(line.nextAttempt)) > Date.now());
    assert.equal((await gateway.admin('/ready')).ready, true);
  },
);

test('when the names of a certificate change, the one before is served until the next is there', SKIP, async (t) => {
  const pebble = await startPebble(t);
  const first = await start(t, pebble, '[a.example]');
  await issued(first);
  const root = await pebble.root();
  await pebble.stop();
  const storage = join(dirname(first.file), 'certificates');
  const next = configuration(pebble, '[a.example, c.example]');
  await first.write(next);
  await first.untilLogged('a certificate could not be issued');
  const ask = async () => (await secureGet(pebble.tlsPort, { servername: 'a.example', ca: root })).body;
  assert.equal(await ask(), 'hello');
  // The same after a restart.
  await first.stop();
  await startTidegate(t, next.replace('storage: certificates', `storage: ${storage}`), {
    files: { 'ca.pem': pebble.authority },
  });
  assert.equal(await ask(), 'hello');
});

test('a proof that fails is told with what to do about it', SKIP, async (t) => {
  const pebble = await startPebble(t);
  const elsewhere = configuration(pebble, 'a.example').replace(`127.0.0.1:${pebble.httpPort}`, '127.0.0.1:0');
  const gateway = await startTidegate(t, elsewhere, { files: { 'ca.pem': pebble.authority } });
  const line = await gateway.untilLogged('a certificate could not be issued');
  assert.match(String(line.reason), /^connection: .*http-01 of a\.example/);
  assert.match(String(line.advice), /port 80/);
});

test('external account binding and another kind of key', SKIP, async (t) => {
  const hmac = Buffer.from('a secret of thirty-two octets ...').toString('base64url');
  const pebble = await startPebble(t, { bindings: { 'kid-1': hmac } });
  const gateway = await start(t, pebble, 'a.example', `, key-type: rsa-2048, eab: { kid: kid-1, hmac-key: '${hmac}' }`);
  await issued(gateway);
  assert.equal(await get(pebble, 'a.example'), 'hello');
  const shown = JSON.stringify(await gateway.admin('/config'));
  assert.ok(!shown.includes(hmac), 'the secret is shown to nobody');
});

test('a hook proves a wildcard by dns-01, and finds the variables it is given', SKIP, async (t) => {
  const pebble = await startPebble(t);
  const hook = `#!/bin/sh
test "$ZONE_TOKEN" = secret || exit 3
case $1 in
  present) exec curl -sf -d "{\\"host\\":\\"$2.\\",\\"value\\":\\"$3\\"}" ${pebble.names}/set-txt ;;
  cleanup) exec curl -sf -d "{\\"host\\":\\"$2.\\"}" ${pebble.names}/clear-txt ;;
esac
`;
  const text = configuration(
    pebble,
    '["*.a.example"]',
    ', challenge: dns-01, dns: { command: [sh, HOOK], env: { ZONE_TOKEN: "${env:TOKEN_IN_TEST}" } }',
  );
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-test-'));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'hook.sh'), hook);
  const gateway = await startTidegate(t, text.replace('HOOK', join(folder, 'hook.sh')), {
    files: { 'ca.pem': pebble.authority },
    env: { TOKEN_IN_TEST: 'secret' },
  });
  await issued(gateway);
  assert.equal(await get(pebble, 'www.a.example'), 'hello');
});

test(
  'tls-alpn-01: the listener proves its own names, and other clients go on with the certificate there is',
  SKIP,
  async (t) => {
    const pebble = await startPebble(t);
    const text = configuration(pebble, 'a.example', ', challenge: tls-alpn-01').replace(
      `web: { address: '127.0.0.1:${pebble.httpPort}' }`,
      '',
    );
    const gateway = await startTidegate(t, text, { files: { 'ca.pem': pebble.authority } });
    await issued(gateway);
    assert.equal(await get(pebble, 'a.example'), 'hello');
    // Nobody gets a challenge's certificate when none is under way.
    const attempt = connectTls(t, pebble.tlsPort, { servername: 'a.example', ALPNProtocols: ['acme-tls/1'] });
    await assert.rejects(attempt, /no application protocol/);
  },
);

/** A listener without a certificate, for whoever asks for one of the names of `onDemand`. */
function demanding(pebble: Pebble, onDemand: string): string {
  return configuration(pebble, 'on-demand', `, on-demand: ${onDemand}`).replace('[on-demand]', 'on-demand');
}

test('on demand: the first handshake for a name waits for its certificate, and the next has it', SKIP, async (t) => {
  const pebble = await startPebble(t);
  const gateway = await startTidegate(t, demanding(pebble, '{ allow: "*.example" }'), {
    files: { 'ca.pem': pebble.authority },
  });
  const answers = await Promise.all([get(pebble, 'a.example'), get(pebble, 'a.example')]);
  assert.deepEqual(answers, ['hello', 'hello']);
  assert.equal(gateway.log.filter(({ msg }) => msg === 'a certificate was issued').length, 1);
  await assert.rejects(get(pebble, 'a.elsewhere'), /unrecognized name/);
  // It is there after a restart, without the authority.
  const root = await pebble.root();
  const storage = join(dirname(gateway.file), 'certificates');
  await gateway.stop();
  await pebble.stop();
  const text = demanding(pebble, '{ allow: "*.example" }').replace('storage: certificates', `storage: ${storage}`);
  await startTidegate(t, text, { files: { 'ca.pem': pebble.authority } });
  assert.equal((await secureGet(pebble.tlsPort, { servername: 'a.example', ca: root })).body, 'hello');
});

test('on demand: a URL of the operator decides, and a client without a name waits for nothing', SKIP, async (t) => {
  const pebble = await startPebble(t);
  const judge = await startOrigin(t, ({ target }) =>
    target.endsWith('domain=good.example') ? ok('') : 'HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n',
  );
  await startTidegate(t, demanding(pebble, `{ ask: 'http://${judge.address}/may' }`), {
    files: { 'ca.pem': pebble.authority },
  });
  assert.equal(await get(pebble, 'good.example'), 'hello');
  await assert.rejects(get(pebble, 'bad.example'), /unrecognized name/);
  await assert.rejects(get(pebble, 'bad.example'), /unrecognized name/);
  const asked = judge.requests.map(({ target }) => target);
  assert.deepEqual(asked.slice(0, 2), ['/may?domain=good.example', '/may?domain=bad.example']);
  // Each worker asks about a name that was refused once.
  assert.ok(asked.length <= 3);
  await assert.rejects(secureGet(pebble.tlsPort, { servername: '', ca: pebble.authority }));
});
