// The store of certificates on a real folder: permissions, crashes, locks.
import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemClock } from '#lib/clock.ts';
import { type Log, silentLog } from '#lib/log.ts';
import { CertificateStore } from './store.ts';

const HOUR = 3_600_000;

async function makeStore(t: TestContext, log: Log = silentLog): Promise<CertificateStore> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-test-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return new CertificateStore(join(folder, 'store'), { log, clock: systemClock });
}

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o777;
}

test('what is written is read again, and only its owner may', async (t) => {
  const store = await makeStore(t);
  assert.equal(await store.read('acme/a/b.pem'), undefined);
  await store.write('acme/a/b.pem', 'one');
  await store.write('acme/a/b.pem', 'two');
  assert.equal(await store.read('acme/a/b.pem'), 'two');
  assert.equal(await modeOf(join(store.folder, 'acme/a/b.pem')), 0o600);
  assert.equal(await modeOf(join(store.folder, 'acme/a')), 0o700);
  assert.equal(await modeOf(store.folder), 0o700);
});

test('a write that fails leaves what was there, and nothing beside it', async (t) => {
  const store = await makeStore(t);
  await store.write('a/file', 'one');
  // A folder cannot be replaced by a file: the last step fails.
  await store.write('b/file/inner', 'x');
  await assert.rejects(store.write('b/file', 'two'));
  assert.deepEqual(await readdir(join(store.folder, 'b')), ['file']);
  assert.equal(await store.read('b/file/inner'), 'x');
});

test('files are listed in order, without those that are being written', async (t) => {
  const store = await makeStore(t);
  assert.deepEqual(await store.list('a'), []);
  await store.write('a/2', '');
  await store.write('a/1', '');
  await writeFile(join(store.folder, 'a/1.0011.tmp'), '');
  assert.deepEqual(await store.list('a'), ['1', '2']);
  await store.remove('a/1');
  assert.deepEqual(await store.list('a'), ['2']);
});

test('what somebody left half written long ago is removed, what is being written is not', async (t) => {
  const store = await makeStore(t);
  await store.write('a/1', '');
  const [old, fresh] = [join(store.folder, 'a/1.00.tmp'), join(store.folder, 'a/1.11.tmp')];
  await writeFile(old, 'half');
  await writeFile(fresh, 'half');
  const then = new Date(Date.now() - 2 * HOUR);
  await utimes(old, then, then);
  const next = new CertificateStore(store.folder, { log: silentLog, clock: systemClock });
  await next.write('a/2', '');
  assert.deepEqual(await readdir(join(store.folder, 'a')), ['1', '1.11.tmp', '2']);
});

test('a folder that others may look into is warned of once', { skip: process.platform === 'win32' }, async (t) => {
  const warnings: unknown[] = [];
  const log = { ...silentLog, warn: (_message: string, fields: unknown) => void warnings.push(fields) };
  const store = await makeStore(t);
  await store.write('a', '');
  await chmod(store.folder, 0o755);
  const next = new CertificateStore(store.folder, { log, clock: systemClock });
  await next.write('b', '');
  await next.write('c', '');
  assert.deepEqual(warnings, [{ folder: store.folder, mode: '755' }]);
});

test('where no folder can be made, a write says so', async (t) => {
  const { folder } = await makeStore(t);
  const host = { log: silentLog, clock: systemClock };
  await writeFile(folder, '');
  await assert.rejects(new CertificateStore(join(folder, 'a', 'b'), host).write('one', 'text'), { code: 'ENOTDIR' });
  if (process.platform === 'linux')
    await assert.rejects(new CertificateStore('/proc/a/b', host).write('one', 'text'), { code: 'ENOENT' });
});

test('a lock is held by one gateway at a time, and free again after its release', async (t) => {
  const store = await makeStore(t);
  const release = await store.lock('a/b');
  assert.ok(release);
  assert.equal(await store.lock('a/b'), undefined);
  assert.ok(await store.lock('a/c'));
  await release();
  assert.ok(await store.lock('a/b'));
});

test('a lock of a process that lives holds; of one that is gone, or that is very old, it does not', async (t) => {
  const store = await makeStore(t);
  await store.write('a', '');
  const path = join(store.folder, 'a.lock');
  await writeFile(path, `${process.ppid} ${hostname()}\n`);
  assert.equal(await store.lock('a'), undefined);
  await writeFile(path, '1 another-machine\n');
  assert.equal(await store.lock('a'), undefined);
  // Above what Linux gives to any process.
  await writeFile(path, `4194305 ${hostname()}\n`);
  const release = await store.lock('a');
  assert.ok(release);
  await release();
  await writeFile(path, '1 another-machine\n');
  const then = new Date(Date.now() - HOUR);
  await utimes(path, then, then);
  assert.ok(await store.lock('a'));
});

test('a lock of a former life of this very process does not hold', async (t) => {
  const store = await makeStore(t);
  await store.write('a', '');
  await writeFile(join(store.folder, 'a.lock'), `${process.pid} ${hostname()}\n`);
  assert.ok(await store.lock('a'));
});
