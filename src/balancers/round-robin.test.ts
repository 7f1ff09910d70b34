// How round robin takes turns.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#lib/clock.ts';
import { fc } from '#lib/properties.ts';
import { seededRandom } from '#lib/random.ts';
import { createTestExchange } from '#model/testing.ts';
import type { Endpoint } from '#model/upstream.ts';
import { roundRobin } from './round-robin.ts';

const exchange = createTestExchange();

function weighted(weights: readonly number[]): readonly Endpoint[] {
  return weights.map((weight, index) => ({ name: `e${index}`, weight }) as unknown as Endpoint);
}

function create(random = seededRandom(3)) {
  return roundRobin.create({}, { clock: new ManualClock(), random });
}

test('round-robin gives each endpoint exactly its weight in every cycle, wherever the cycle begins', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 }),
      fc.integer(),
      (weights, seed) => {
        const balancer = create(seededRandom(seed));
        const candidates = weighted(weights);
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        const counts = new Map<Endpoint, number>();
        for (let turn = 0; turn < total; turn++) {
          const picked = balancer.pick(candidates, exchange, []);
          counts.set(picked, (counts.get(picked) ?? 0) + 1);
        }
        assert.deepEqual(
          candidates.map((endpoint) => counts.get(endpoint) ?? 0),
          weights,
        );
      },
    ),
  );
});

test('round-robin spreads a heavy endpoint out instead of sending to it in one run', () => {
  const candidates = weighted([5, 1, 1]);
  const balancer = create(() => 0);
  const order = Array.from({ length: 7 }, () => balancer.pick(candidates, exchange, []).name).join(' ');
  assert.equal(order, 'e0 e0 e1 e0 e2 e0 e0');
});

test('round-robin visits every endpoint once before it repeats', () => {
  const candidates = weighted([1, 1, 1, 1]);
  const balancer = create();
  const visited = new Set(Array.from({ length: 4 }, () => balancer.pick(candidates, exchange, [])));
  assert.equal(visited.size, 4);
});
