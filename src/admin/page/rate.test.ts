// The status page's arithmetic, which needs no browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';

interface Rate {
  readonly last: number;
  readonly samples: readonly number[];
}

const file = new URL('./rate.js', import.meta.url);
const { rate, SAMPLES } = (await import(file.href)) as {
  rate: (name: string, value: number, now: number) => Rate;
  SAMPLES: number;
};

test('a rate is the growth a second since the call before', () => {
  rate('growing', 100, 1000);
  assert.equal(rate('growing', 150, 1500).last, 100);
  assert.deepEqual(rate('growing', 150, 2500).samples, [100, 0]);
});

test('a counter that starts again gives no negative rate', () => {
  rate('restarted', 100, 60_000);
  assert.ok(rate('restarted', 3, 500).last >= 0);
  assert.equal(rate('restarted', 5, 1500).last, 2);
});

test('only the last minute is kept', () => {
  for (let second = 0; second < 100; second++) rate('long', second, second * 1000);
  assert.equal(rate('long', 100, 100_000).samples.length, SAMPLES);
});
