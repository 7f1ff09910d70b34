// When a connection has served long enough.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#lib/clock.ts';
import type { PoolSettings } from '#model/upstream.ts';
import { ConnectionLife } from './connection-life.ts';

const settings = (maxAgeMs: number | undefined, maxRequests = 100) => ({ maxAgeMs, maxRequests }) as PoolSettings;

/** The age at which a life with this draw is over, to 100 ms. */
function endOf(draw: number, maxAgeMs: number): number {
  const clock = new ManualClock();
  const life = new ConnectionLife(clock, () => draw);
  while (!life.isOver(settings(maxAgeMs))) clock.advance(100);
  return clock.now();
}

test('ages are spread over the last fifth of the greatest', () => {
  assert.equal(endOf(0, 10_000), 10_000);
  assert.equal(endOf(0.5, 10_000), 9000);
  assert.equal(endOf(0.999_999, 10_000), 8100);
});

test('without a greatest age only requests end it', () => {
  const clock = new ManualClock();
  const life = new ConnectionLife(clock, () => 0);
  clock.advance(1e12);
  assert.equal(life.isOver(settings(undefined, 2)), false);
  life.requests = 2;
  assert.equal(life.isOver(settings(undefined, 2)), true);
});

test('a new greatest age holds for connections that are open', () => {
  const clock = new ManualClock();
  const life = new ConnectionLife(clock, () => 0);
  clock.advance(5000);
  assert.equal(life.isOver(settings(10_000)), false);
  assert.equal(life.isOver(settings(5000)), true);
});
