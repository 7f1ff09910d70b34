// Who gets a certificate on demand; the issuer is a function.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { certificates } from '#config/certificates-schema.ts';
import { ManualClock } from '#lib/clock.ts';
import { silentLog } from '#lib/log.ts';
import type { Certificate } from '#model/certificate.ts';
import type { AcmeIssuer } from './acme/issuer.ts';
import type { ManagedCertificate } from './acme/managed-certificate.ts';
import { OnDemand } from './on-demand.ts';
import { CertificateStore } from './store.ts';

class World {
  readonly clock = new ManualClock();
  readonly issued: string[] = [];
  readonly asked: string[] = [];
  readonly warnings: unknown[] = [];
  answer = 200;
  failure: Error | undefined;
  onDemand!: OnDemand;
  readonly #store: CertificateStore;
  readonly #managed = new Map<string, ManagedCertificate>();

  constructor(folder: string) {
    this.#store = new CertificateStore(folder, { log: silentLog, clock: this.clock });
  }

  async open(options: object): Promise<this> {
    const section = certificates.parse({ acme: { 'agree-to-terms': true, 'on-demand': options } });
    const config = section.acme?.['on-demand'];
    assert.ok(config);
    this.onDemand = await OnDemand.open(config, {
      clock: this.clock,
      log: { ...silentLog, warn: (_message, fields) => void this.warnings.push(fields?.reason) },
      store: this.#store,
      issuer: {
        settings: { directoryUrl: 'https://acme.example/directory' } as AcmeIssuer['settings'],
        certificate: async ([name = '']) => this.#certificate(name),
      },
      transport: async ({ url }) => {
        this.asked.push(url);
        return { status: this.answer, headers: {}, body: Buffer.alloc(0) };
      },
    });
    return this;
  }

  expire(name: string): void {
    Object.assign(this.#certificate(name), { current: undefined });
  }

  #certificate(name: string): ManagedCertificate {
    const found = this.#managed.get(name);
    if (found) return found;
    const certificate = {
      names: [name],
      current: undefined as Certificate | undefined,
      status: { nextAttempt: 0, failures: 0, reason: '' },
      start() {},
      issue: async () => {
        if (this.failure) throw this.failure;
        this.issued.push(name);
        certificate.current = { names: [name] } as unknown as Certificate;
      },
    };
    this.#managed.set(name, certificate as unknown as ManagedCertificate);
    return certificate as unknown as ManagedCertificate;
  }
}

async function createWorld(t: TestContext): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-test-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return new World(join(folder, 'store'));
}

test('a name that is listed gets one, others get none', async (t) => {
  const { onDemand, issued } = await (await createWorld(t)).open({ allow: ['a.example', '*.b.example'] });
  for (const name of ['a.example', 'x.b.example', 'y.x.b.example'])
    assert.equal(await onDemand.certify(name), true, name);
  for (const name of ['b.example', 'x.a.example', 'xb.example', 'c.example'])
    assert.equal(await onDemand.certify(name), false, name);
  assert.deepEqual(issued, ['a.example', 'x.b.example', 'y.x.b.example']);
});

test('what is no domain name gets none, whatever is allowed', async (t) => {
  const { onDemand, asked } = await (await createWorld(t)).open({ ask: 'http://127.0.0.1/' });
  for (const name of [
    '',
    'localhost',
    '192.0.2.1',
    '::1',
    '*.a.example',
    'a..example',
    '-a.example',
    'a.example/../x',
    'a.1',
    `${'a.'.repeat(130)}example`,
  ])
    assert.equal(await onDemand.certify(name), false, name);
  assert.deepEqual(asked, []);
});

test('the URL is asked about names, and only an answer of 2xx allows them', async (t) => {
  const world = await (await createWorld(t)).open({ ask: 'http://127.0.0.1/ask?key=1' });
  assert.equal(await world.onDemand.certify('a.example'), true);
  world.answer = 404;
  assert.equal(await world.onDemand.certify('b.example'), false);
  assert.deepEqual(world.asked, [
    'http://127.0.0.1/ask?key=1&domain=a.example',
    'http://127.0.0.1/ask?key=1&domain=b.example',
  ]);
});

test('with both a name must be listed before the URL is asked', async (t) => {
  const { onDemand, asked } = await (await createWorld(t)).open({ allow: '*.a.example', ask: 'http://127.0.0.1/' });
  assert.equal(await onDemand.certify('b.example'), false);
  assert.deepEqual(asked, []);
  assert.equal(await onDemand.certify('x.a.example'), true);
  assert.equal(asked.length, 1);
});

test('new names are bounded in their rate; refused ones count for nothing', async (t) => {
  const world = await (await createWorld(t)).open({ allow: '*.a.example', rate: '2/h' });
  const { onDemand, clock } = world;
  const certify = (name: string) => onDemand.certify(`${name}.a.example`);
  await onDemand.certify('other.example');
  assert.deepEqual(
    [await certify('1'), await certify('2'), await certify('3'), await certify('4')],
    [true, true, false, false],
  );
  assert.equal(world.warnings.length, 1);
  clock.advance(1_800_001);
  assert.equal(await certify('3'), true);
});

test('there are no more of them than max', async (t) => {
  const { onDemand } = await (await createWorld(t)).open({ allow: '*.a.example', max: 1 });
  assert.equal(await onDemand.certify('1.a.example'), true);
  assert.equal(await onDemand.certify('2.a.example'), false);
  assert.equal(await onDemand.certify('1.a.example'), true);
});

test('clients that ask for one name at a time cause one order', async (t) => {
  const { onDemand, issued } = await (await createWorld(t)).open({ allow: 'a.example' });
  const answers = await Promise.all(Array.from({ length: 5 }, () => onDemand.certify('a.example')));
  assert.deepEqual([answers, issued], [[true, true, true, true, true], ['a.example']]);
});

test('an order that fails leaves nothing behind', async (t) => {
  const world = await (await createWorld(t)).open({ allow: 'a.example' });
  world.failure = new Error('refused');
  assert.equal(await world.onDemand.certify('a.example'), false);
  assert.deepEqual(world.onDemand.states(), []);
});

test('they are there again after a restart, but for those whose names are no longer allowed', async (t) => {
  const world = await (await createWorld(t)).open({ allow: '*.example' });
  for (const name of ['a.example', 'b.example']) await world.onDemand.certify(name);
  await world.open({ allow: ['b.example', 'c.example'] });
  assert.deepEqual(
    world.onDemand.states().map(({ names }) => names),
    [['b.example']],
  );
  assert.equal(world.issued.length, 2);
});

test('one that has expired is given up', async (t) => {
  const world = await (await createWorld(t)).open({ allow: '*.example', max: 1 });
  await world.onDemand.certify('a.example');
  world.expire('a.example');
  world.onDemand.prune();
  assert.equal(await world.onDemand.certify('b.example'), true);
});
