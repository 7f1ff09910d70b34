// The local authority, and what clients that trust it accept.
import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect, createServer } from 'node:tls';
import { ManualClock } from '#lib/clock.ts';
import { isLocalName, LOCALHOST_NAMES } from '#lib/local-names.ts';
import { silentLog } from '#lib/log.ts';
import type { Certificate } from '#model/certificate.ts';
import { LocalAuthority } from './local-authority.ts';
import { CertificateStore } from './store.ts';
import { createLeaf } from './x509.ts';

const DAY = 24 * 3_600_000;

async function makeStore(t: TestContext, clock: ManualClock): Promise<CertificateStore> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-test-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return new CertificateStore(join(folder, 'store'), { log: silentLog, clock });
}

/** What a client that trusts `ca` says: 'authorized', or what it finds wrong. */
async function visit(
  t: TestContext,
  { chain, key }: Pick<Certificate, 'chain' | 'key'>,
  ca: string,
  name: string,
): Promise<string> {
  const server = createServer({ cert: chain, key });
  t.after(() => server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const isAddress = /^[\d.]+$/.test(name);
  const client = connect({ port, host: '127.0.0.1', ca, ...(isAddress ? {} : { servername: name }) });
  const outcome = await Promise.race([
    once(client, 'secureConnect').then(() => 'authorized'),
    once(client, 'error').then(([error]) => (error as Error).message),
  ]).catch((error: Error) => error.message);
  client.destroy();
  return outcome;
}

test('a client that trusts the authority gets to localhost by all its names', async (t) => {
  const clock = new ManualClock(Date.now());
  const authority = await LocalAuthority.open(await makeStore(t, clock), clock);
  const certificate = await authority.certify(LOCALHOST_NAMES);
  assert.deepEqual(certificate.names.slice(0, 3), ['localhost', '127.0.0.1', '::1']);
  const trusted = await readFile(authority.file, 'utf8');
  for (const name of ['localhost', '127.0.0.1'])
    assert.equal(await visit(t, certificate, trusted, name), 'authorized', name);
});

test('authority and certificate are made once, and its key is for its owner alone', async (t) => {
  const clock = new ManualClock(Date.now());
  const store = await makeStore(t, clock);
  const first = await LocalAuthority.open(store, clock);
  const second = await LocalAuthority.open(store, clock);
  assert.deepEqual([first.isNew, second.isNew], [true, false]);
  assert.equal(first.certificate, second.certificate);
  const [one, two] = [await first.certify(['localhost']), await second.certify(['localhost'])];
  assert.equal(one.fingerprint, two.fingerprint);
  assert.notEqual((await second.certify(['localhost', 'a.test'])).fingerprint, one.fingerprint);
  if (process.platform !== 'win32')
    assert.equal((await stat(join(store.folder, 'local/authority.pem'))).mode & 0o777, 0o600);
});

test('a certificate is made anew a month before its end, and so is the authority', async (t) => {
  const clock = new ManualClock(Date.now());
  const store = await makeStore(t, clock);
  const authority = await LocalAuthority.open(store, clock);
  const old = await authority.certify(['localhost']);
  clock.advance(334 * DAY);
  assert.equal((await authority.certify(['localhost'])).fingerprint, old.fingerprint);
  clock.advance(2 * DAY);
  assert.notEqual((await authority.certify(['localhost'])).fingerprint, old.fingerprint);
  clock.advance(3300 * DAY);
  const next = await LocalAuthority.open(store, clock);
  assert.ok(next.isNew);
  const certificate = await next.certify(['localhost']);
  assert.ok(new X509Certificate(certificate.chain).verify(new X509Certificate(next.certificate).publicKey));
});

test('RFC 5280 4.2.1.10: who steals its key can vouch for no public name', async (t) => {
  const clock = new ManualClock(Date.now());
  const store = await makeStore(t, clock);
  const authority = await LocalAuthority.open(store, clock);
  const key = createPrivateKey((await store.read('local/authority.pem')) ?? '');
  const forge = (names: readonly string[]) =>
    createLeaf({ certificate: authority.certificate, key }, { names, days: 1, now: clock.wall() });
  const stranger = await forge(['www.example.com']);
  const outcome = await visit(t, stranger, authority.certificate, 'www.example.com');
  assert.match(outcome, /permitted subtree violation/);
  assert.equal(await visit(t, await forge(['a.internal']), authority.certificate, 'a.internal'), 'authorized');
});

test('names are local by reserved domains, addresses by private and loopback ranges', () => {
  const local = ['localhost', 'a.localhost', '*.test', 'nas.local', 'a.b.internal', 'tv.home.arpa', '127.0.0.1', '::1'];
  const addresses = ['10.1.2.3', '192.168.1.1', '172.31.0.1', 'fd00::1', 'fe80::1'];
  for (const name of [...local, ...addresses]) assert.ok(isLocalName(name), name);
  for (const name of ['example.com', 'notlocalhost', 'test.example.com', '8.8.8.8', '172.32.0.1', '2001:db8::1'])
    assert.ok(!isLocalName(name), name);
});
