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

  if (!FILLS_UP.has(module.type)) {
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
