// The life of a certificate under a clock that the test turns; the server is a function.
import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ManualClock } from '#lib/clock.ts';
import { type LogFields, silentLog } from '#lib/log.ts';
import { CertificateStore } from '#server/certificates/store.ts';
import { ChainedTimers } from '#server/certificates/testing.ts';
import { type CertificateAndKey, createAuthority, createLeaf } from '#server/certificates/x509.ts';
import type { AcmeClient } from './acme-client.ts';
import { AcmeError } from './acme-error.ts';
import type { RenewalWindow } from './directory.ts';
import { ManagedCertificate } from './managed-certificate.ts';

const NAMES = ['a.example'];
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const PLACE = 'place/one';

interface Logged {
  readonly level: string;
  readonly message: string;
  readonly fields: LogFields;
}

/** One gateway; several may share a store and a clock. */
class World {
  readonly clock: ManualClock;
  readonly timers: ChainedTimers;
  readonly store: CertificateStore;
  readonly logged: Logged[] = [];
  /** What the server was asked for: each with what it was to replace. */
  readonly orders: string[] = [];
  readonly counts: string[] = [];
  changes = 0;
  failure: Error | undefined;
  window: RenewalWindow | undefined;
  windowLife = 0;
  windowsAsked = 0;
  readonly managed: ManagedCertificate;

  constructor(folder: string, clock = new ManualClock(Date.now())) {
    this.clock = clock;
    this.timers = new ChainedTimers(clock);
    const note =
      (level: string) =>
      (message: string, fields: LogFields = {}) =>
        void this.logged.push({ level, message, fields });
    const log = { ...silentLog, info: note('info'), warn: note('warn'), error: note('error') };
    this.store = new CertificateStore(folder, { log, clock });
    const random = () => 0.5;
    this.managed = new ManagedCertificate(NAMES, PLACE, {
      store: this.store,
      clock,
      random,
      log,
      timers: this.timers,
      obtain: (replaces) => this.#obtain(replaces),
      advise: () => 'do this',
      changed: async () => void this.changes++,
      counted: (result) => void this.counts.push(result),
      watch: { clock, random, log, share: 2 / 3, useClient: (work) => work(this.#client()) },
    });
  }

  async start(): Promise<void> {
    await this.managed.load();
    this.managed.start();
    await this.pass(0);
  }

  /** Lets time pass; all that it sets going has come to its end. */
  pass(ms: number): Promise<void> {
    return this.timers.pass(ms);
  }

  logOf(level: string): Logged | undefined {
    return this.logged.findLast((line) => line.level === level);
  }

  get inStore(): Promise<string | undefined> {
    return this.store.read(`${PLACE}.pem`);
  }

  #client(): AcmeClient {
    const renewalWindow: AcmeClient['renewalWindow'] = async () => {
      this.windowsAsked++;
      return this.window && { window: this.window, retryAfterMs: this.windowLife };
    };
    return { renewalWindow } as AcmeClient;
  }

  async #obtain(replaces: string): Promise<CertificateAndKey> {
    this.orders.push(replaces);
    if (this.failure) throw this.failure;
    return await issue(this.clock.wall());
  }
}

async function issue(now: number, days = 90): Promise<CertificateAndKey> {
  const { chain, key } = await createAuthority({ name: 'Tests', days: 1000, now });
  return await createLeaf({ certificate: chain, key: createPrivateKey(key) }, { names: NAMES, days, now });
}

async function makeFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-test-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'store');
}

test('without one in the store a certificate is issued at once, kept, and told', async (t) => {
  const world = new World(await makeFolder(t));
  await world.start();
  assert.deepEqual(world.orders, ['']);
  assert.deepEqual(world.managed.current?.names, NAMES);
  assert.match((await world.inStore) ?? '', /PRIVATE KEY.*BEGIN CERTIFICATE/s);
  assert.deepEqual([world.changes, world.counts], [1, ['issued']]);
  assert.equal(world.logOf('info')?.message, 'a certificate was issued');
});

test('one from the store is in use at once, and nothing is asked for', async (t) => {
  const folder = await makeFolder(t);
  const first = new World(folder);
  await first.start();
  const second = new World(folder, first.clock);
  await second.start();
  assert.equal(second.managed.current?.fingerprint, first.managed.current?.fingerprint);
  assert.deepEqual(second.orders, []);
});

test('without a suggestion it is renewed after two thirds of its lifetime, and the new one is told', async (t) => {
  const world = new World(await makeFolder(t));
  await world.start();
  const old = world.managed.current;
  await world.pass(59 * DAY);
  assert.equal(world.orders.length, 1);
  await world.pass(3 * DAY);
  assert.equal(world.orders.length, 2);
  assert.notEqual(world.managed.current?.fingerprint, old?.fingerprint);
  assert.equal(world.changes, 2);
  assert.equal(world.logOf('info')?.message, 'a certificate was renewed');
});

test('RFC 9773 5: an order for a renewal names the certificate that it replaces', async (t) => {
  const world = new World(await makeFolder(t));
  await world.start();
  await world.pass(62 * DAY);
  assert.match(world.orders[1] ?? '', /^[\w-]+\.[\w-]+$/);
});

test('RFC 9773 4.2: a window in the past means at once; one in the future means within it', async (t) => {
  const world = new World(await makeFolder(t));
  await world.start();
  const now = world.clock.wall();
  world.window = { start: now + 10 * DAY, end: now + 12 * DAY, explanation: '' };
  await world.pass(6 * HOUR);
  assert.equal(world.managed.status.nextAttempt, now + 11 * DAY);
  await world.pass(2 * DAY);
  world.window = { start: now - 2 * DAY, end: now - DAY, explanation: 'https://why.example/' };
  await world.pass(7 * HOUR);
  assert.equal(world.orders.length, 2);
  assert.ok(world.logged.some(({ fields }) => fields.explanation === 'https://why.example/'));
});

test('a server that wants each new certificate to be renewed gets no more than one order a day', async (t) => {
  const world = new World(await makeFolder(t));
  const now = world.clock.wall();
  world.window = { start: now - 2 * DAY, end: now - DAY, explanation: '' };
  await world.start();
  await world.pass(10 * DAY);
  assert.equal(world.orders.length, 11);
});

test('RFC 9773 4.3: the server is asked again when it says so, between a minute and a day', async (t) => {
  const world = new World(await makeFolder(t));
  const now = world.clock.wall();
  world.window = { start: now + 50 * DAY, end: now + 51 * DAY, explanation: '' };
  world.windowLife = HOUR;
  await world.start();
  await world.pass(0);
  assert.equal(world.windowsAsked, 1);
  await world.pass(59 * 60_000);
  assert.equal(world.windowsAsked, 1);
  await world.pass(60_000);
  assert.equal(world.windowsAsked, 2);
  world.windowLife = 1;
  await world.pass(HOUR);
  assert.equal(world.windowsAsked, 3);
  await world.pass(59_000);
  assert.equal(world.windowsAsked, 3);
  await world.pass(1000);
  assert.equal(world.windowsAsked, 4);
});

test('after failures it is tried later and later, and the log says what to do', async (t) => {
  const world = new World(await makeFolder(t));
  world.failure = new AcmeError({ type: 'connection', detail: 'refused', status: 0, retryAfterMs: 0 });
  await world.start();
  for (const minutes of [1, 4, 16, 64, 240, 240]) {
    const count = world.orders.length;
    await world.pass(minutes * 60_000 - 1000);
    assert.equal(world.orders.length, count, `not yet after almost ${minutes} minutes`);
    await world.pass(1000);
    assert.equal(world.orders.length, count + 1, `after ${minutes} minutes`);
  }
  const { message, fields } = world.logOf('error') as Logged;
  assert.equal(message, 'a certificate could not be issued');
  assert.equal(fields.advice, 'do this');
  assert.equal(fields.reason, 'connection: refused');
  world.failure = undefined;
  await world.pass(4 * HOUR);
  assert.deepEqual(world.managed.status.failures, 0);
  assert.deepEqual(new Set(world.counts), new Set(['failed', 'issued']));
});

test('a server that wants to be left alone is, also by the next life of the gateway', async (t) => {
  const folder = await makeFolder(t);
  const world = new World(folder);
  world.failure = new AcmeError({ type: 'rateLimited', detail: '', status: 429, retryAfterMs: 30 * HOUR });
  await world.start();
  world.managed.stop();
  const next = new World(folder, world.clock);
  await next.start();
  await next.pass(29 * HOUR);
  assert.deepEqual(next.orders, []);
  await next.pass(HOUR);
  assert.equal(next.orders.length, 1);
});

test('a renewal that fails leaves the certificate in use until it expires', async (t) => {
  const world = new World(await makeFolder(t));
  await world.start();
  world.failure = new Error('no answer in time');
  await world.pass(89 * DAY);
  assert.ok(world.managed.current);
  assert.equal(world.logOf('error')?.message, 'a certificate could not be renewed; the one there is stays');
  await world.pass(DAY);
  assert.equal(world.managed.current, undefined);
});

test('asked for by hand it is renewed at once, and who asks is told why it cannot be', async (t) => {
  const world = new World(await makeFolder(t));
  await world.start();
  await world.managed.renew();
  assert.equal(world.orders.length, 2);
  world.failure = new Error('no answer in time');
  await assert.rejects(world.managed.renew(), /no answer in time/);
  assert.equal(world.managed.status.reason, 'no answer in time');
});

test('who asks while an attempt is under way waits for that one', async (t) => {
  const world = new World(await makeFolder(t));
  await world.start();
  await Promise.all([world.managed.renew(), world.managed.renew()]);
  assert.equal(world.orders.length, 2);
});

test('of two gateways on one store one issues, and the other takes that', async (t) => {
  const folder = await makeFolder(t);
  const [one, two] = [new World(folder), new World(folder)];
  await two.managed.load();
  await one.start();
  two.managed.start();
  await two.pass(0);
  assert.deepEqual(two.orders, []);
  assert.equal(two.managed.current?.fingerprint, one.managed.current?.fingerprint);
  assert.equal(two.changes, 1);
});

test('while another gateway is at work on it, this one looks again after a while', async (t) => {
  const world = new World(await makeFolder(t));
  await world.store.write('place/other', '');
  const lock = join(world.store.folder, `${PLACE}.lock`);
  await writeFile(lock, '1 another-machine\n');
  await world.start();
  assert.deepEqual([world.orders, world.counts], [[], []]);
  await assert.rejects(world.managed.renew(), /another gateway/);
  await rm(lock);
  await world.pass(30_000);
  assert.equal(world.orders.length, 1);
});

test('a kept file that is broken is warned of and issued anew', async (t) => {
  const world = new World(await makeFolder(t));
  await world.store.write(`${PLACE}.pem`, 'nothing of use');
  await world.start();
  assert.equal(world.logOf('warn')?.fields.reason, 'holds no key');
  assert.equal(world.orders.length, 1);
});

test('a store that cannot be written to is a failure like others', async (t) => {
  const folder = await makeFolder(t);
  await writeFile(folder, 'a file where the folder should be');
  const world = new World(folder);
  world.managed.start();
  await world.pass(0);
  assert.equal(world.logOf('error')?.message, 'a certificate could not be issued');
  assert.ok(world.managed.status.nextAttempt > world.clock.wall());
});

test('stopped, it does nothing more', async (t) => {
  const world = new World(await makeFolder(t));
  await world.start();
  world.managed.stop();
  await world.pass(100 * DAY);
  assert.equal(world.orders.length, 1);
});
