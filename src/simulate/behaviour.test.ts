// The notation for the behaviour of endpoints.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Behaviour, isWithin, parseBehaviour } from './behaviour.ts';

function parse(text: string): Behaviour {
  const behaviour = parseBehaviour(text);
  if (typeof behaviour === 'string') throw new Error(behaviour);
  return behaviour;
}

test('nothing said is 20 ms in the mean, exponentially distributed, without limit, errors or outages', () => {
  const { spread, capacity, down, latencyAt, errorsAt, resetsAt } = parse('');
  assert.deepEqual(
    [spread, capacity, down, latencyAt(0), errorsAt(0), resetsAt(0)],
    ['exponential', Number.POSITIVE_INFINITY, [], 20, 0, 0],
  );
});

test('every key sets its value', () => {
  const { spread, capacity, down, latencyAt, errorsAt, resetsAt } = parse(
    'latency:1.5s,spread:none,capacity:50,errors:1%,resets:2%,down:10s-20s,down:1m-2m',
  );
  assert.deepEqual([spread, capacity, latencyAt(0), errorsAt(0), resetsAt(0)], ['none', 50, 1500, 0.01, 0.02]);
  assert.deepEqual(
    [9_999, 10_000, 19_999, 20_000, 60_000].map((ms) => isWithin(down, ms)),
    [false, true, true, false, true],
  );
});

test('a value may hold for a time only, and the last written wins', () => {
  const { latencyAt, errorsAt } = parse('latency:10ms,latency:2s@10s-20s,latency:3s@15s-16s,errors:50%@0s-1s');
  assert.deepEqual([0, 10_000, 15_000, 16_000, 20_000].map(latencyAt), [10, 2000, 3000, 2000, 10]);
  assert.deepEqual([0, 1000].map(errorsAt), [0.5, 0]);
});

for (const [text, problem] of [
  ['latncy:20ms', 'unknown key "latncy"; did you mean "latency"?'],
  ['20ms', 'unknown key "20ms"; there are latency, spread, capacity, errors, resets, down'],
  ['latency:20', '"20" lacks a unit: write 20ms, 20s or 20m'],
  ['latency:fast', '"fast" is not a duration such as 500ms, 30s, 5m, 2h or 1d'],
  ['capacity:0', 'capacity is a whole number from 1, not "0"'],
  ['capacity:many', 'capacity is a whole number from 1, not "many"'],
  ['errors:200%', '"200%" is not a share from 0% to 100%'],
  ['spread:wide', 'spread is exponential or none, not "wide"'],
  ['down:10s', '"10s" is not a period such as 10s-20s'],
  ['down:20s-10s', 'the period 20s-10s ends before it begins'],
  ['down:1-2s', '"1" lacks a unit: write 1ms, 1s or 1m'],
  ['latency:1s@5s', '"5s" is not a period such as 10s-20s'],
] as const) {
  test(`"${text}" is refused with a reason`, () => {
    assert.equal(parseBehaviour(text), problem);
  });
}
