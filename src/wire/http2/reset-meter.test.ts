// How many streams may be reset before a server should see no more of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#lib/clock.ts';
import { ResetMeter } from './reset-meter.ts';

function setUp() {
  const clock = new ManualClock();
  const meter = new ResetMeter(() => clock.now());
  const reset = (times: number) => {
    for (let i = 0; i < times; i++) meter.count();
  };
  return { clock, meter, reset };
}

test('fifty within half a minute are many', () => {
  const { clock, meter, reset } = setUp();
  reset(25);
  clock.advance(29_000);
  reset(24);
  assert.equal(meter.isHigh, false);
  reset(1);
  assert.equal(meter.isHigh, true);
});

test('those of the time before do not count', () => {
  const { clock, meter, reset } = setUp();
  reset(49);
  clock.advance(30_000);
  reset(49);
  assert.equal(meter.isHigh, false);
});

test('after a while of peace they are many no more', () => {
  const { clock, meter, reset } = setUp();
  reset(60);
  clock.advance(30_000);
  assert.equal(meter.isHigh, false);
});
