// Token buckets in one thread: what is granted, what is told, and what happens when a set is full. Over threads: test/scenarios/shared-memory.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '#lib/properties.ts';
import { KeyedTable } from './keyed-table.ts';

const table = (entries = 64) => KeyedTable.create(entries, [1, 2]);
const NOW = 1_800_000_000_000;

test('a bucket that was never used is full, and gives exactly its burst', () => {
  const buckets = table();
  for (let left = 4; left >= 0; left--) {
    const { allowed, remaining } = buckets.take('a', 1, 5, NOW);
    assert.deepEqual({ allowed, remaining }, { allowed: true, remaining: left });
  }
  assert.equal(buckets.take('a', 1, 5, NOW).allowed, false);
});

test('a refusal says when the same cost would be allowed, and exactly then it is', () => {
  const buckets = table();
  buckets.take('a', 10, 2, NOW, 2);
  const { allowed, retryAfterMs, resetMs } = buckets.take('a', 10, 2, NOW + 30);
  assert.deepEqual({ allowed, retryAfterMs, resetMs }, { allowed: false, retryAfterMs: 70, resetMs: 170 });
  assert.equal(buckets.take('a', 10, 2, NOW + 99).allowed, false);
  assert.equal(buckets.take('a', 10, 2, NOW + 100).allowed, true);
});

test('a refusal takes nothing', () => {
  const buckets = table();
  for (let i = 0; i < 3; i++) buckets.take('a', 1, 3, NOW);
  for (let i = 0; i < 100; i++) assert.equal(buckets.take('a', 1, 3, NOW).allowed, false);
  assert.equal(buckets.take('a', 1, 3, NOW + 1000).allowed, true);
});

test('a cost above the burst is never allowed', () => {
  assert.equal(table().take('a', 1, 3, NOW, 4).allowed, false);
});

test('keys do not share tokens', () => {
  const buckets = table(1024);
  for (let i = 0; i < 200; i++) assert.equal(buckets.take(`key ${i}`, 1, 1, NOW).allowed, true);
  for (let i = 0; i < 200; i++) assert.equal(buckets.take(`key ${i}`, 1, 1, NOW).allowed, false);
  assert.equal(buckets.evictions, 0);
});

test('a clock that goes back gives nothing away', () => {
  const buckets = table();
  buckets.take('a', 1, 1, NOW);
  assert.equal(buckets.take('a', 1, 1, NOW - 5000).allowed, false);
});

test('a place whose bucket is full again goes to another key without an eviction', () => {
  const buckets = table(8);
  for (let i = 0; i < 1000; i++) assert.equal(buckets.take(`key ${i}`, 1, 1, NOW + i * 1000).allowed, true);
  assert.equal(buckets.evictions, 0);
});

test('more live keys than places drop the bucket that would be full soonest, and count it', () => {
  const buckets = table(8);
  for (let i = 0; i < 8; i++) buckets.take(`key ${i}`, 1, 10, NOW, i + 2);
  buckets.take('one more', 1, 10, NOW, 10);
  assert.equal(buckets.evictions, 1);
  assert.equal(buckets.take('key 7', 1, 10, NOW).remaining, 0);
  assert.equal(buckets.take('key 0', 1, 10, NOW, 0).remaining, 10);
});

test('an instance opened over the same memory sees the same buckets', () => {
  const buckets = table();
  buckets.take('a', 1, 2, NOW);
  const other = new KeyedTable(buckets.buffer);
  assert.equal(other.take('a', 1, 2, NOW).remaining, 0);
  assert.equal(buckets.take('a', 1, 2, NOW).allowed, false);
});

test('a rate that no binary fraction holds grants its whole burst', () => {
  const buckets = table();
  for (const perSecond of [3, 7, 0.3, 1 / 3600, 1000 / 3, 1_000_000]) {
    let granted = 0;
    while (buckets.take(`${perSecond}`, perSecond, 10_000, NOW).allowed) granted++;
    assert.equal(granted, 10_000, `${perSecond} per second`);
  }
});

test('any sequence of requests is judged as a bucket that fills continuously judges it', () => {
  // Rates whose interval is a whole number of milliseconds, so that the model is exact.
  const rate = fc.constantFrom(1, 2, 5, 8, 10, 50, 125, 500, 1000);
  const request = fc.record({ after: fc.constantFrom(0, 1, 2, 7, 100, 999, 1000, 20_000), cost: fc.nat(4) });
  fc.assert(
    fc.property(
      rate,
      fc.integer({ min: 1, max: 6 }),
      fc.array(request, { maxLength: 40 }),
      (perSecond, burst, requests) => {
        const buckets = table();
        const interval = 1000 / perSecond;
        const full = burst * interval;
        let level = full;
        let now = NOW;
        for (const { after, cost } of requests) {
          now += after;
          level = Math.min(full, level + after);
          const allowed = level >= cost * interval;
          if (allowed) level -= cost * interval;
          const result = buckets.take('a', perSecond, burst, now, cost);
          assert.equal(result.allowed, allowed);
          assert.equal(result.remaining, Math.floor(level / interval));
          assert.equal(result.resetMs, full - level);
          assert.equal(result.retryAfterMs, allowed ? 0 : cost * interval - level);
        }
      },
    ),
  );
});

test('a clock that is set back refuses nobody for longer', () => {
  const buckets = table();
  buckets.take('a', 100, 200, NOW);
  assert.equal(buckets.take('a', 100, 200, NOW - 60_000).allowed, true);
  for (let i = 0; i < 198; i++) assert.equal(buckets.take('a', 100, 200, NOW - 60_000).allowed, true);
  const { allowed, retryAfterMs } = buckets.take('a', 100, 200, NOW - 60_000);
  assert.equal(allowed, false);
  assert.ok(retryAfterMs <= 10, `${retryAfterMs}`);
});

test('threads whose clocks differ by a moment grant no more than the burst', () => {
  const buckets = table();
  let granted = 0;
  for (let i = 0; i < 100; i++) if (buckets.take('a', 1, 10, NOW - (i % 2) * 500).allowed) granted++;
  assert.equal(granted, 10);
});
