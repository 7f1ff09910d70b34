// Certificates by the admin API and by the commands that call it.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { CertificateStatus } from '#schema/admin-schemas.ts';
import { ADMIN_TOKEN, startTidegate, type TestGateway } from '../support/gateway.ts';
import { missingPebble, startPebble } from '../support/pebble.ts';
import { authority, certificateFiles, run, secureGet } from '../support/tls.ts';

const LAUNCHER = fileURLToPath(new URL('../../bin/tidegate', import.meta.url));

const PAIR = `
workers: 2
listeners: { secure: { address: '127.0.0.1:0', tls: { certificates: [{ cert: site.pem, key: site.key }] } } }
certificates: { storage: certificates }
routes: [{ name: all, match: { path: /* }, respond: { body: hello } }]
`;

function certs(gateway: TestGateway, ...words: readonly string[]): Promise<string> {
  const [verb = '', ...rest] = words;
  const token = verb === 'list' ? [] : ['--token', ADMIN_TOKEN];
  return run(LAUNCHER, ['certs', verb, '--admin', gateway.adminAddress, ...token, ...rest]);
}

async function list(gateway: TestGateway): Promise<readonly CertificateStatus[]> {
  return (await gateway.admin<{ certificates: CertificateStatus[] }>('/certificates')).certificates;
}

test('certificates are listed with what is to be known of them, and never a key', async (t) => {
  const site = authority.issue({ names: ['localhost', '127.0.0.1'], validForDays: 20 });
  const gateway = await startTidegate(t, PAIR, { files: certificateFiles({ site }) });
  const [one, ...others] = await list(gateway);
  assert.deepEqual(others, []);
  const { fingerprint, notAfter, notBefore, ...facts } = one as CertificateStatus;
  assert.deepEqual(facts, {
    listener: 'secure',
    source: 'file',
    upload: null,
    names: ['localhost', '127.0.0.1'],
    issuer: 'Tests',
    keyType: 'ecdsa',
    stapledUntil: null,
    ocsp: null,
    nextRenewal: null,
    problem: '',
  });
  assert.match(fingerprint ?? '', /^[0-9a-f]{64}$/);
  assert.ok(Date.parse(notBefore ?? '') < Date.now() && Date.parse(notAfter ?? '') > Date.now());
  const labels = `listener="secure",source="file",name="localhost",fingerprint="${fingerprint?.slice(0, 16)}"`;
  const expiry = await gateway.metric(`tidegate_certificate_not_after_timestamp_seconds{${labels}}`);
  assert.equal(expiry * 1000, Date.parse(notAfter ?? ''));
  assert.match(await certs(gateway, 'list'), /^secure +file +localhost 127\.0\.0\.1 +Tests +ecdsa +.*\(19 days\)/m);
});

test('an uploaded pair is in use at once, is there after a restart, and can be taken away', async (t) => {
  const site = authority.issue({ names: ['localhost'] });
  const gateway = await startTidegate(t, PAIR, { files: certificateFiles({ site }) });
  const folder = dirname(gateway.file);
  const before = await secureGet(gateway.port());
  const other = authority.issue({ names: ['localhost'] });
  await writeFile(join(folder, 'other.pem'), other.cert);
  await writeFile(join(folder, 'other.key'), other.key);
  const files = ['--cert', join(folder, 'other.pem'), '--key', join(folder, 'other.key')];
  assert.match(await certs(gateway, 'upload', 'secure', 'mine', ...files), /mine is in use for secure/);
  const uploaded = await secureGet(gateway.port());
  assert.notEqual(uploaded.fingerprint, before.fingerprint);
  const storage = join(folder, 'certificates');
  const again = await startTidegate(t, PAIR.replace('storage: certificates', `storage: '${storage}'`), {
    files: certificateFiles({ site }),
  });
  assert.equal((await secureGet(again.port())).fingerprint, uploaded.fingerprint);
  assert.match(await certs(gateway, 'remove', 'secure', 'mine'), /mine is gone from secure/);
  assert.equal((await secureGet(gateway.port())).fingerprint, before.fingerprint);
  assert.match(await certs(gateway, 'remove', 'secure', 'mine'), /Nothing was uploaded as "mine"/);
});

test('an upload that cannot be used changes nothing', async (t) => {
  const site = authority.issue({ names: ['localhost'] });
  const gateway = await startTidegate(t, PAIR, { files: certificateFiles({ site }) });
  const folder = dirname(gateway.file);
  const wrong = ['--cert', join(folder, 'site.pem'), '--key', join(folder, 'wrong.key')];
  await writeFile(join(folder, 'wrong.key'), authority.key);
  const output = await certs(gateway, 'upload', 'secure', 'mine', ...wrong);
  assert.match(output, /The key does not belong to the first certificate/);
  assert.match(await certs(gateway, 'upload', 'nowhere', 'mine', ...wrong), /no listener "nowhere" with TLS/);
  assert.match(await certs(gateway, 'upload', 'secure', 'a b', ...wrong), /A name holds/);
  assert.equal((await list(gateway)).length, 1);
});

test('files are read again when asked for, and what is wrong with them is said', async (t) => {
  const site = authority.issue({ names: ['localhost'] });
  const gateway = await startTidegate(t, PAIR, { files: certificateFiles({ site }) });
  assert.match(await certs(gateway, 'reload'), /the certificates of all files are in use/);
  await writeFile(join(dirname(gateway.file), 'site.key'), 'nothing');
  assert.match(await certs(gateway, 'reload'), /site\.key holds no private key/);
  assert.match((await list(gateway))[0]?.problem ?? '', /site\.key holds no private key/);
});

test('a certificate by ACME is renewed when asked for, without a pause', { skip: missingPebble() }, async (t) => {
  const pebble = await startPebble(t);
  const gateway = await startTidegate(
    t,
    `
listeners:
  web: { address: '127.0.0.1:${pebble.httpPort}' }
  secure: { address: '127.0.0.1:0', tls: { certificates: [{ acme: a.example }] } }
certificates:
  storage: certificates
  acme: { directory: '${pebble.directory}', ca: ca.pem, agree-to-terms: true }
routes: [{ name: all, match: { path: /* }, respond: { body: hello } }]
`,
    { files: { 'ca.pem': pebble.authority } },
  );
  await gateway.untilLogged('a certificate was issued');
  const [before] = await list(gateway);
  assert.ok(Date.parse(before?.nextRenewal ?? '') > Date.now());
  assert.match(await certs(gateway, 'renew', 'a.example'), /a certificate for a\.example is in use/);
  const [after] = await list(gateway);
  assert.notEqual(after?.fingerprint, before?.fingerprint);
  const { fingerprint } = await secureGet(gateway.port('secure'), { servername: 'a.example', ca: await pebble.root() });
  assert.equal(fingerprint.replaceAll(':', '').toLowerCase(), after?.fingerprint);
  assert.equal(await gateway.metric('tidegate_certificate_orders_total{result="issued"}'), 2);
  assert.match(await certs(gateway, 'renew', 'b.example'), /No certificate by ACME is for b\.example/);
  assert.match(await certs(gateway, 'issue', 'a.example'), /is in use/);
  await pebble.stop();
  assert.match(await certs(gateway, 'renew', 'a.example'), /could not be had: .*ECONNREFUSED/);
  assert.equal((await list(gateway))[0]?.fingerprint, after?.fingerprint);
});

test('certs local makes an authority whose certificates a gateway on the same folder serves', async (t) => {
  const gateway = await startTidegate(t, PAIR.replace('{ cert: site.pem, key: site.key }', '{ local: [shop.test] }'));
  const storage = join(dirname(gateway.file), 'certificates');
  const output = await run(LAUNCHER, ['certs', 'local', 'shop.test', '--storage', storage]);
  const [, file = ''] = /authority is there: (\S+)/.exec(output) ?? [];
  const ca = await readFile(file, 'utf8');
  assert.equal((await secureGet(gateway.port(), { ca, servername: 'shop.test' })).body, 'hello');
  assert.match(await run(LAUNCHER, ['certs', 'local', 'www.example.com', '--storage', storage]), /is no local name/);
});
