// The dynamic table against a plain list: first in, first out, within its size.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '#lib/properties.ts';
import { DynamicTable } from './dynamic-table.ts';

interface Entry {
  readonly id: number;
  readonly size: number;
}

test('it holds what a list holds that drops its oldest entries, whatever is added and however it is resized', () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ add: fc.integer({ min: 32, max: 200 }) }) },
    { weight: 1, arbitrary: fc.record({ resize: fc.integer({ min: 0, max: 3000 }) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const evicted: number[] = [];
      const table = new DynamicTable<Entry>(1000, ({ id }) => evicted.push(id));
      let list: Entry[] = [];
      let maxBytes = 1000;
      const dropped: number[] = [];
      const shrinkTo = (bytes: number) => {
        while (sum(list) > bytes) dropped.push(list.pop()?.id ?? -1);
      };
      for (const [id, change] of steps.entries()) {
        if ('add' in change) {
          const entry = { id, size: change.add };
          assert.equal(table.add(entry), entry.size <= maxBytes);
          shrinkTo(Math.max(0, maxBytes - entry.size));
          if (entry.size <= maxBytes) list = [entry, ...list];
        } else {
          maxBytes = change.resize;
          table.resize(maxBytes);
          shrinkTo(maxBytes);
        }
        assert.equal(table.length, list.length);
        assert.equal(table.bytes, sum(list));
        assert.deepEqual(
          Array.from({ length: table.length + 1 }, (_, i) => table.at(i)),
          [...list, undefined],
        );
      }
      assert.deepEqual(evicted, dropped);
    }),
  );
});

function sum(entries: readonly Entry[]): number {
  return entries.reduce((total, { size }) => total + size, 0);
}
