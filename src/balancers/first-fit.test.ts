// First fit fills one endpoint after the other.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#lib/clock.ts';
import { seededRandom } from '#lib/random.ts';
import { createTestExchange } from '#model/testing.ts';
import type { Endpoint } from '#model/upstream.ts';
import { firstFit } from './first-fit.ts';

const exchange = createTestExchange();
const balancer = firstFit.create(firstFit.options.parse({ 'in-flight': 10 }), {
  clock: new ManualClock(),
  random: seededRandom(1),
});

function busy(...loads: readonly (readonly [inFlight: number, weight: number])[]): readonly Endpoint[] {
  return loads.map(([inFlight, weight], i) => ({ name: `e${i}`, weight, cells: { inFlight } }) as unknown as Endpoint);
}

test('the first endpoint with room is picked, in the order written', () => {
  assert.equal(balancer.pick(busy([0, 1], [0, 1]), exchange, []).name, 'e0');
  assert.equal(balancer.pick(busy([9, 1], [0, 1]), exchange, []).name, 'e0');
  assert.equal(balancer.pick(busy([10, 1], [0, 1]), exchange, []).name, 'e1');
});

test('room grows with the weight', () => {
  assert.equal(balancer.pick(busy([19, 2], [0, 1]), exchange, []).name, 'e0');
  assert.equal(balancer.pick(busy([20, 2], [0, 1]), exchange, []).name, 'e1');
});

test('when all are full, the least loaded is picked', () => {
  assert.equal(balancer.pick(busy([15, 1], [12, 1], [25, 2]), exchange, []).name, 'e1');
});
