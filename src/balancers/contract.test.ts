// What every balancer is held to, run over the registry.
import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { basename } from 'node:path';
import { test } from 'node:test';
import { ManualClock } from '#lib/clock.ts';
import { seededRandom } from '#lib/random.ts';
import type { Balancer, BalancerModule } from '#model/balancer.ts';
import { createTestExchange } from '#model/testing.ts';
import type { Endpoint } from '#model/upstream.ts';
import { balancers } from './index.ts';

const exchange = createTestExchange();

/** Exchanges of so many clients, for balancers that tell them apart. */
const exchanges = Array.from({ length: 3000 }, (_, i) =>
  createTestExchange({ clientAddress: `10.0.${i >> 8}.${i & 255}` }),
);

/** Modules that are another one with an option fixed, and stand in its file. */
const ALSO: readonly string[] = ['source-hash'];

/** These send nothing to an endpoint while another has room. */
const FILLS_UP: ReadonlySet<string> = new Set(['first-fit']);

function create(module: BalancerModule): Balancer {
  return module.create(module.options.parse({}), { clock: new ManualClock(), random: seededRandom(7) });
}

/** Endpoints of these weights that count what is in flight. */
function endpoints(...weights: readonly number[]): readonly Endpoint[] {
  return weights.map((weight, index) => {
    const cells = { inFlight: 0, latencyMs: () => 0, recordLatency() {} };
    return { name: `e${index}`, host: '', port: index, socketPath: '', weight, cells } as unknown as Endpoint;
  });
}

/** How often each endpoint is picked in `turns` turns; `inFlight` requests stay unanswered. */
function tally(balancer: Balancer, candidates: readonly Endpoint[], turns: number): readonly number[] {
  const counts = new Map(candidates.map((endpoint) => [endpoint, 0]));
  for (let turn = 0; turn < turns; turn++) {
    const picked = balancer.pick(candidates, exchanges[turn % exchanges.length] ?? exchange, []);
    counts.set(picked, (counts.get(picked) ?? Number.NaN) + 1);
  }
  return [...counts.values()];
}

test('every module of the folder is in the registry, and named for its type', () => {
  const shared = ['index', 'weighted-draw'];
  const files = globSync('*.ts', { cwd: import.meta.dirname }).map((file) => basename(file, '.ts'));
  const modules = files.filter((file) => !shared.includes(file) && !file.endsWith('.test'));
  assert.deepEqual(balancers.map(({ type }) => type).toSorted(), [...modules, ...ALSO].toSorted());
});

for (const module of balancers) {
  test(`${module.type}: has a summary of one sentence`, () => {
    assert.match(module.summary, /^[A-Z].*\.$/);
  });

  test(`${module.type}: picks the only candidate`, () => {
    const candidates = endpoints(3);
    assert.equal(create(module).pick(candidates, exchange, []), candidates[0]);
  });

  test(`${module.type}: picks nothing but candidates, also when the set changes`, () => {
    const balancer = create(module);
    const all = endpoints(1, 2, 3, 4);
    for (let turn = 0; turn < 100; turn++) {
      const candidates = all.filter((_, index) => index === turn % 4 || (turn >> index) % 2 === 0);
      assert.ok(candidates.includes(balancer.pick(candidates, exchange, [])));
    }
  });

  test(`${module.type}: never picks an endpoint that was tried`, () => {
    const balancer = create(module);
    const all = endpoints(1, 2, 3, 4);
    for (let turn = 0; turn < 100; turn++) {
      const tried = all.filter((_, index) => index !== turn % 4 && (turn >> index) % 2 === 0);
      const left = all.filter((endpoint) => !tried.includes(endpoint));
      const picked = balancer.pick(balancer.skipsTried ? all : left, exchanges[turn] ?? exchange, tried);
      assert.ok(left.includes(picked));
    }
  });

  test(`${module.type}: never picks an endpoint of weight 0`, () => {
    const counts = tally(create(module), endpoints(0, 1, 0, 2, 0), 3000);
    assert.deepEqual([counts[0], counts[2], counts[4]], [0, 0, 0]);
  });

  test(`${module.type}: gives an endpoint that joins the list its requests, and none to one that left`, () => {
    const balancer = create(module);
    const [joins, leaves, stays] = endpoints(1, 1, 1) as [Endpoint, Endpoint, Endpoint];
    tally(balancer, [leaves, stays], 300);
    // Also a balancer that fills them up has its requests for the first.
    const counts = tally(balancer, [joins, stays], 300);
    assert.equal(counts.length, 2);
    assert.ok((counts[0] ?? 0) > 0, counts.join(' '));
  });

  test(`${module.type}: asks only the clock and the chance it is lent`, (t) => {
    const fail = (): never => assert.fail('it asked the system');
    t.mock.method(Math, 'random', fail);
    t.mock.method(Date, 'now', fail);
    t.mock.method(performance, 'now', fail);
    const balancer = create(module);
    const candidates = endpoints(1, 2, 3);
    for (let turn = 0; turn < 100; turn++)
      balancer.observe?.(balancer.pick(candidates, exchanges[turn] ?? exchange, []), turn);
  });

  if (!FILLS_UP.has(module.type)) {
    test(`${module.type}: follows weights that change`, () => {
      const balancer = create(module);
      const before = endpoints(1, 9);
      const after = before.map((endpoint, i) => ({ ...endpoint, weight: i === 0 ? 9 : 1 }));
      const [light = 0, heavy = 0] = tally(balancer, before, 300);
      const [heavier = 0, lighter = 0] = tally(balancer, after, 300);
      assert.ok(light < heavy && lighter < heavier, `${light}:${heavy}, then ${heavier}:${lighter}`);
    });

    test(`${module.type}: reaches every candidate`, () => {
      assert.ok(tally(create(module), endpoints(1, 1, 1), 300).every((count) => count > 0));
    });

    test(`${module.type}: is fair to equal candidates`, () => {
      // 3000 draws of a third each: six standard deviations are 155.
      for (const count of tally(create(module), endpoints(1, 1, 1), 3000))
        assert.ok(Math.abs(count - 1000) < 155, `${count}`);
    });
  }

  test(`${module.type}: decides the same by the same chance`, () => {
    const candidates = endpoints(1, 2, 3);
    assert.deepEqual(tally(create(module), candidates, 50), tally(create(module), candidates, 50));
  });
}
