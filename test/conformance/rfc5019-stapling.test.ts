// The staple of a certificate under a clock that the test turns: fetched, refreshed ahead of its end, kept while it holds, never longer.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ManualClock } from '#lib/clock.ts';
import { type LogFields, silentLog } from '#lib/log.ts';
import type { Certificate } from '#model/certificate.ts';
import { Stapler } from '#server/certificates/ocsp/stapler.ts';
import { readCertificate } from '#server/certificates/read-certificate.ts';
import { ChainedTimers } from '#server/certificates/testing.ts';
import type { TransportRequest } from '#server/certificates/transport.ts';
import { type OcspAuthority, startOcspAuthority } from '../support/ocsp.ts';

const HOUR = 3_600_000;

class World {
  readonly clock = new ManualClock(Date.now());
  readonly timers = new ChainedTimers(this.clock);
  readonly logged: { readonly level: string; readonly message: string; readonly fields: LogFields }[] = [];
  readonly requests: TransportRequest[] = [];
  readonly revoked: Certificate[] = [];
  changes = 0;
  isDown = false;
  readonly stapler: Stapler | undefined;
  readonly #authority: OcspAuthority;

  constructor(authority: OcspAuthority, certificate: Certificate) {
    this.#authority = authority;
    const note =
      (level: string) =>
      (message: string, fields: LogFields = {}) =>
        void this.logged.push({ level, message, fields });
    this.stapler = Stapler.create(certificate, {
      clock: this.clock,
      random: () => 0,
      log: { ...silentLog, info: note('info'), warn: note('warn'), error: note('error') },
      timers: this.timers,
      transport: (request) => this.#transport(request),
      changed: async () => void this.changes++,
      revoked: (one) => void this.revoked.push(one),
    });
  }

  async start(): Promise<void> {
    await this.timers.settle(() => this.stapler?.start());
  }

  pass(ms: number): Promise<void> {
    return this.timers.pass(ms);
  }

  logOf(level: string) {
    return this.logged.filter((line) => line.level === level).map(({ message }) => message);
  }

  async #transport(request: TransportRequest) {
    this.requests.push(request);
    if (this.isDown) throw new Error('connection refused');
    const { url, body } = request;
    const der = body ?? Buffer.from(decodeURIComponent(url.slice(url.lastIndexOf('/') + 1)), 'base64');
    const answer = await this.#authority.answer(Buffer.from(der as Uint8Array), this.clock.wall());
    return { status: 200, headers: {}, body: Buffer.from(answer) };
  }
}

async function createWorld(t: TestContext, options: { mustStaple?: boolean; path?: string } = {}): Promise<World> {
  const authority = await startOcspAuthority(t);
  const { chain, key } = await authority.issue({ names: ['a.example'], ...options });
  return new World(authority, readCertificate(chain, key));
}

test('a response is fetched at once, and again when half of its time is over', async (t) => {
  const world = await createWorld(t);
  await world.start();
  assert.ok(world.stapler?.staple);
  assert.equal(world.stapler.status.status, 'good');
  assert.equal(world.changes, 1);
  // It was made an hour ago and holds for three more.
  await world.pass(HOUR - 1000);
  assert.equal(world.requests.length, 1);
  await world.pass(1000);
  assert.equal(world.requests.length, 2);
  assert.equal(world.changes, 2);
  assert.deepEqual(world.logOf('info'), ['a certificate is stapled']);
});

test('RFC 5019 5: a short request is a GET; one that would make a long URL is a POST', async (t) => {
  const short = await createWorld(t);
  await short.start();
  assert.equal(short.requests[0]?.method, 'GET');
  const long = await createWorld(t, { path: `/${'long'.repeat(40)}` });
  await long.start();
  assert.equal(long.requests[0]?.method, 'POST');
  assert.ok(long.stapler?.staple);
});

test('while the responder is down the staple stays as long as it holds, then it is dropped', async (t) => {
  const world = await createWorld(t);
  await world.start();
  world.isDown = true;
  await world.pass(2.5 * HOUR);
  assert.ok(world.stapler?.staple);
  await world.pass(0.5 * HOUR);
  assert.ok(!world.stapler?.staple);
  assert.equal(world.changes, 2);
  assert.deepEqual(world.logOf('warn'), [
    'no OCSP response for a certificate',
    'a certificate is no longer stapled: its OCSP response is out of date',
  ]);
  world.isDown = false;
  await world.pass(2 * HOUR);
  assert.ok(world.stapler?.staple);
});

test('a responder that is down is asked later and later, and one line is written', async (t) => {
  const world = await createWorld(t);
  world.isDown = true;
  await world.start();
  await world.pass(3 * HOUR);
  // 48 s, twice as long each time, up to 48 min.
  assert.equal(world.requests.length, 9);
  assert.deepEqual(world.logOf('warn'), ['no OCSP response for a certificate']);
});

test('a certificate that is revoked is not stapled, and is told of once', async (t) => {
  const authority = await startOcspAuthority(t);
  const { chain, key } = await authority.issue({ names: ['a.example'] });
  const world = new World(authority, readCertificate(chain, key));
  await world.start();
  authority.behaviour.status = 'revoked';
  await world.pass(4 * HOUR);
  assert.ok(!world.stapler?.staple);
  assert.equal(world.stapler?.status.status, 'revoked');
  assert.equal(world.revoked.length, 1);
  assert.deepEqual(world.logOf('error'), ['a certificate has been revoked by its authority: replace it']);
});

test('a certificate that names no responder is never asked about', async (t) => {
  const authority = await startOcspAuthority(t);
  const { chain, key } = await authority.issue({ names: ['a.example'] });
  // Nobody can be asked without the issuer either.
  const [leaf = ''] = chain.split(/(?<=END CERTIFICATE-----)\n/);
  assert.equal(new World(authority, readCertificate(leaf, key)).stapler, undefined);
});

test('RFC 7633: a certificate that promises a staple and cannot have one is warned of', async (t) => {
  const authority = await startOcspAuthority(t);
  const { chain, key } = await authority.issue({ names: ['a.example'], mustStaple: true });
  const [leaf = ''] = chain.split(/(?<=END CERTIFICATE-----)\n/);
  const world = new World(authority, readCertificate(leaf, key));
  assert.equal(world.logged[0]?.fields.reason, 'its chain lacks its issuer');
});

test('stopped, it asks no more', async (t) => {
  const world = await createWorld(t);
  await world.start();
  world.stapler?.stop();
  await world.pass(6 * HOUR);
  assert.equal(world.requests.length, 1);
});
