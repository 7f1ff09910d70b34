// When made-up requests come, and from whom.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '#lib/random.ts';
import { type ArrivalPlan, arrivalTimes, makeTraffic, type SimulatedRequest } from './traffic.ts';

function times(plan: ArrivalPlan, count: number): readonly number[] {
  return [...arrivalTimes(plan, seededRandom(1)).take(count)];
}

function requests(
  change: { headers?: readonly string[]; clients?: number },
  count: number,
): readonly SimulatedRequest[] {
  const shape = { method: 'GET', authority: 'example.com', path: '/', query: '?a', headers: [], clients: 10 };
  const plan = { ...shape, ...change, pattern: 'constant' as const, perMs: 1, burst: 1 };
  return [...makeTraffic(plan, seededRandom(1)).take(count)];
}

test('constant arrivals are equally far apart', () => {
  assert.deepEqual(times({ pattern: 'constant', perMs: 0.1, burst: 1 }, 4), [0, 10, 20, 30]);
});

test('bursts come at once, at the rate asked for in the mean', () => {
  assert.deepEqual(times({ pattern: 'bursts', perMs: 0.1, burst: 3 }, 7), [0, 0, 0, 30, 30, 30, 60]);
});

test('poisson arrivals have gaps whose mean and standard deviation are those of an exponential distribution', () => {
  const all = times({ pattern: 'poisson', perMs: 0.1, burst: 1 }, 50_000);
  const gaps = all.map((time, i) => time - (all[i - 1] ?? 0));
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length);
  assert.ok(Math.abs(mean - 10) < 0.2, `${mean}`);
  assert.ok(Math.abs(deviation - 10) < 0.3, `${deviation}`);
});

test('every client has an address of its own, up to the most there may be', () => {
  const addresses = new Set(requests({ clients: 20 }, 1000).map(({ client }) => client));
  assert.equal(addresses.size, 20);
  for (const address of new Set(requests({ clients: 131_072 }, 1000).map(({ client }) => client)))
    assert.match(address, /^198\.1[89]\.\d{1,3}\.\d{1,3}$/);
});

test('fields may tell clients apart', () => {
  const fields = requests({ headers: ['x-user: u{client}', 'x-a: b'], clients: 3 }, 100).map((one) => one.fields);
  assert.deepEqual([...new Set(fields)].toSorted(), [
    'x-user: u0\r\nx-a: b\r\n',
    'x-user: u1\r\nx-a: b\r\n',
    'x-user: u2\r\nx-a: b\r\n',
  ]);
});
