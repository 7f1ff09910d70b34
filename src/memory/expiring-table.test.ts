// Numbers by key in one thread: how long they live, and who makes room. Over threads: test/scenarios/shared-memory.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '#lib/properties.ts';
import { ExpiringTable } from './expiring-table.ts';

const SECRET = Uint8Array.from({ length: 16 }, (_, i) => i * 7);
const table = (entries = 64) => ExpiringTable.create(entries, SECRET);
const NOW = 1_800_000_000_000;

test('a key has its value until its time is over', () => {
  const entries = table();
  entries.set('a', 17, 1000, NOW);
  assert.equal(entries.use('a', 1, NOW + 999), 17);
  assert.equal(entries.use('b', 1, NOW), 0);
  assert.equal(entries.use('a', 1, NOW + 1000), 0);
});

test('a key that is used lives on', () => {
  const entries = table();
  entries.set('a', 17, 1000, NOW);
  for (let turn = 1; turn < 10; turn++) assert.equal(entries.use('a', 1000, NOW + turn * 900), 17);
});

test('a value is replaced, and integers up to 2^53 are kept exactly', () => {
  const entries = table(8);
  entries.set('a', 17, 1000, NOW);
  entries.set('a', Number.MAX_SAFE_INTEGER, 1000, NOW);
  assert.equal(entries.use('a', 1000, NOW), Number.MAX_SAFE_INTEGER);
  assert.equal(entries.count(NOW), 1);
});

test('when a set is full, the entry that would expire first makes room, and that is counted', () => {
  const entries = table(8);
  for (let i = 0; i < 8; i++) entries.set(`key ${i}`, i + 1, 1000 + i, NOW);
  assert.equal(entries.evictions, 0);
  entries.use('key 0', 5000, NOW);
  entries.set('one more', 99, 5000, NOW);
  assert.equal(entries.evictions, 1);
  assert.equal(entries.use('key 1', 1, NOW), 0);
  assert.equal(entries.use('key 0', 5000, NOW), 1);
  assert.equal(entries.count(NOW), 8);
});

test('the place of what has expired is taken without an eviction', () => {
  const entries = table(8);
  for (let i = 0; i < 100; i++) entries.set(`key ${i}`, 1, 1000, NOW + i * 1000);
  assert.equal(entries.evictions, 0);
  assert.equal(entries.count(NOW + 99_000), 1);
});

test('an instance opened over the same memory sees the same entries', () => {
  const entries = table();
  entries.set('a', 17, 1000, NOW);
  assert.equal(new ExpiringTable(entries.buffer).use('a', 1000, NOW), 17);
});

test('what a table of another secret holds stands in other places', () => {
  const collisions = (secret: Uint8Array) => {
    const entries = ExpiringTable.create(64, secret);
    for (let i = 0; i < 64; i++) entries.set(`key ${i}`, i + 1, 1000, NOW);
    return Array.from({ length: 64 }, (_, i) => (entries.use(`key ${i}`, 1, NOW) === 0 ? i : '')).join(' ');
  };
  assert.notEqual(collisions(SECRET), collisions(Uint8Array.from(SECRET, (byte) => byte ^ 1)));
});

test('any sequence of calls behaves as a map with times does, as long as there is room', () => {
  const call = fc.record({
    key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'),
    value: fc.option(fc.integer({ min: 1 }), { nil: undefined }),
    ttl: fc.constantFrom(1, 10, 1000),
    after: fc.constantFrom(0, 1, 5, 50, 2000),
  });
  fc.assert(
    fc.property(fc.array(call, { maxLength: 60 }), (calls) => {
      const entries = table(8);
      const model = new Map<string, { value: number; until: number }>();
      let now = NOW;
      for (const { key, value, ttl, after } of calls) {
        now += after;
        const known = model.get(key);
        const expected = known && known.until > now ? known.value : 0;
        if (value === undefined) {
          assert.equal(entries.use(key, ttl, now), expected);
          if (expected !== 0) model.set(key, { value: expected, until: now + ttl });
        } else {
          entries.set(key, value, ttl, now);
          model.set(key, { value, until: now + ttl });
        }
      }
      assert.equal(entries.evictions, 0);
    }),
  );
});
