// Tests that a number table has what a Map would have.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '#lib/properties.ts';
import { NumberTable } from './number-table.ts';

interface Item {
  readonly tag: number;
}

test('a number table has what a map has, whatever comes and goes', () => {
  const key = fc.oneof(
    fc.integer({ min: 0, max: 40 }),
    fc.integer({ min: 0, max: 2 ** 31 - 1 }),
    fc.integer({ min: 0, max: 300 }).map((turn) => turn * 2 + 1),
  );
  const step = fc.record({ key, remove: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const table = new NumberTable<Item>();
      const map = new Map<number, Item>();
      steps.forEach(({ key: at, remove }, tag) => {
        if (remove) assert.equal(table.delete(at), map.delete(at));
        else {
          table.set(at, { tag });
          map.set(at, { tag });
        }
        assert.equal(table.size, map.size);
        assert.deepEqual(table.get(at), map.get(at));
      });
      for (const [at, item] of map) assert.deepEqual(table.get(at), item);
      const tags = (items: Iterable<Item>) => [...items].map(({ tag }) => tag).sort((a, b) => a - b);
      assert.deepEqual(tags(table.values()), tags(map.values()));
    }),
  );
});

test('numbers that count up come and go without it growing', () => {
  const table = new NumberTable<Item>();
  for (let id = 1; id < 100_000; id += 2) {
    table.set(id, { tag: id });
    if (id > 200) assert.ok(table.delete(id - 200));
  }
  assert.equal(table.size, 100);
  assert.deepEqual(table.get(99_999), { tag: 99_999 });
  assert.equal(table.get(1), undefined);
});
