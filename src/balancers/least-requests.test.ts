// How the balancers that count requests in flight decide.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#lib/clock.ts';
import { seededRandom } from '#lib/random.ts';
import { createTestExchange } from '#model/testing.ts';
import type { Endpoint } from '#model/upstream.ts';
import { leastRequests } from './least-requests.ts';
import { twoChoices } from './two-choices.ts';

const exchange = createTestExchange();
const host = { clock: new ManualClock(), random: seededRandom(3) };

function busy(...loads: readonly (readonly [inFlight: number, weight: number])[]): readonly Endpoint[] {
  return loads.map(
    ([inFlight, weight], index) => ({ name: `e${index}`, weight, cells: { inFlight } }) as unknown as Endpoint,
  );
}

test('least-requests picks the endpoint with the fewest requests in flight', () => {
  const balancer = leastRequests.create({}, host);
  for (let turn = 0; turn < 20; turn++)
    assert.equal(balancer.pick(busy([4, 1], [2, 1], [3, 1]), exchange, []).name, 'e1');
});

test('least-requests relates what is in flight to the weight', () => {
  const balancer = leastRequests.create({}, host);
  // With the request to come: 6/3 = 2 against 3/1 = 3.
  for (let turn = 0; turn < 20; turn++) assert.equal(balancer.pick(busy([5, 3], [2, 1]), exchange, []).name, 'e0');
});

test('two-choices never picks the busier of two endpoints', () => {
  const balancer = twoChoices.create({}, host);
  const counts = { e0: 0, e1: 0 };
  for (let turn = 0; turn < 1000; turn++)
    counts[balancer.pick(busy([9, 1], [1, 1]), exchange, []).name as 'e0' | 'e1']++;
  // All draws hit the same endpoint with probability 1/32.
  assert.ok(counts.e0 < 80, `${counts.e0}`);
});
