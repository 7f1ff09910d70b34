// What is taken out of the store, and above all what is not.
import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ManualClock } from '#lib/clock.ts';
import { type LogFields, silentLog } from '#lib/log.ts';
import { joinPair } from './pem-pair.ts';
import { readCertificate } from './read-certificate.ts';
import { CertificateStore } from './store.ts';
import { type CleanupHost, removeExpired } from './store-cleanup.ts';
import { createAuthority, createLeaf } from './x509.ts';

const DAY = 24 * 3_600_000;

async function setUp(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-test-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const clock = new ManualClock(Date.now());
  const logged: { readonly message: string; readonly fields: LogFields }[] = [];
  const note = (message: string, fields: LogFields = {}) => void logged.push({ message, fields });
  const log = { ...silentLog, info: note, warn: note };
  const store = new CertificateStore(folder, { log, clock });
  const { chain, key } = await createAuthority({ name: 'Tests', days: 4000, now: clock.wall() - 400 * DAY });
  const authority = { certificate: chain, key: createPrivateKey(key) };
  /** Keeps a certificate that expired so many days ago, and says its fingerprint. */
  const keep = async (place: string, expiredDaysAgo: number): Promise<string> => {
    const now = clock.wall() - (expiredDaysAgo + 90) * DAY;
    const pair = await createLeaf(authority, { names: ['a.example'], days: 90, now });
    await store.write(`${place}.pem`, joinPair(pair));
    return readCertificate(pair.chain, pair.key).fingerprint;
  };
  const clean = (isInUse: CleanupHost['isInUse'] = () => false) => removeExpired(store, { clock, log, isInUse });
  return { store, clock, logged, keep, clean };
}

test('a pair that expired more than 30 days ago and that nothing names is removed, with what is beside it, and the log says so', async (t) => {
  const { store, logged, keep, clean } = await setUp(t);
  await keep('acme/authority/old', 31);
  await keep('acme/authority/recent', 29);
  await keep('acme/authority/valid', -10);
  await keep('local/old', 31);
  await store.write('acme/authority/old.attempts.json', '{}');
  await store.write('acme/authority/account.json', '{}');
  await clean();
  assert.deepEqual(await store.list('acme/authority'), ['account.json', 'recent.pem', 'valid.pem']);
  assert.deepEqual(await store.list('local'), []);
  assert.deepEqual(
    logged.map(({ fields }) => fields.file),
    ['acme/authority/old.pem', 'local/old.pem'],
  );
});

test('what is in use stays, however long ago it expired', async (t) => {
  const { store, keep, clean } = await setUp(t);
  await keep('acme/authority/named', 300);
  const presented = await keep('acme/authority/presented', 300);
  await keep('acme/authority/neither', 300);
  await clean((place, fingerprint) => place === 'acme/authority/named' || fingerprint === presented);
  assert.deepEqual(await store.list('acme/authority'), ['named.pem', 'presented.pem']);
});

test('the local authority, uploads and what cannot be read stay', async (t) => {
  const { store, keep, clean } = await setUp(t);
  await keep('local/authority', 300);
  await keep('uploads/web/shop', 300);
  await store.write('acme/authority/broken.pem', 'nothing to read');
  await clean();
  assert.deepEqual(await store.list('local'), ['authority.pem']);
  assert.deepEqual(await store.list('uploads/web'), ['shop.pem']);
  assert.deepEqual(await store.list('acme/authority'), ['broken.pem']);
});

test('what another gateway is at work on stays', async (t) => {
  const { store, keep, clean } = await setUp(t);
  await keep('acme/authority/old', 31);
  await store.write('acme/authority/old.lock', '1 elsewhere\n');
  await clean();
  assert.deepEqual(await store.list('acme/authority'), ['old.lock', 'old.pem']);
  await store.remove('acme/authority/old.lock');
  await clean();
  assert.deepEqual(await store.list('acme/authority'), []);
});

test('a folder that is not there yet is no failure', async (t) => {
  const { logged, clean } = await setUp(t);
  await clean();
  assert.deepEqual(logged, []);
});
