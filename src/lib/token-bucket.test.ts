// A bucket that fills by the clock.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from './clock.ts';
import { TokenBucket } from './token-bucket.ts';

test('gives as many tokens at once as it holds, and then as many as come to it', () => {
  const clock = new ManualClock();
  const bucket = new TokenBucket(clock, 2, 3);
  const takeAll = () => {
    let taken = 0;
    while (bucket.take()) taken++;
    return taken;
  };
  assert.equal(takeAll(), 3);
  clock.advance(499);
  assert.equal(takeAll(), 0);
  clock.advance(501);
  assert.equal(takeAll(), 2);
  clock.advance(60_000);
  assert.equal(takeAll(), 3);
});
