// The delay of the event loop: one late turn is none, a standing one is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LoopDelay } from './loop-delay.ts';

function ticks(...intervals: readonly number[]): number {
  const delay = new LoopDelay(50);
  let now = 1000;
  delay.tick(now);
  for (const interval of intervals) {
    now += interval;
    delay.tick(now);
  }
  return delay.standingMs;
}

test('a loop in time has no delay', () => {
  assert.equal(ticks(50, 50, 50, 50, 50), 0);
});

test('one long turn is no standing delay', () => {
  assert.equal(ticks(50, 50, 900, 50, 50), 0);
  assert.equal(ticks(900, 900, 900, 50), 0);
});

test('a delay that stays is told, the least of the last four', () => {
  assert.equal(ticks(50, 200, 150, 250, 350), 100);
});

test('it ends with the first turn in time', () => {
  assert.equal(ticks(250, 250, 250, 250, 50), 0);
});
