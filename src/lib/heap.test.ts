// The heap against sorting.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '#lib/properties.ts';
import { Heap } from './heap.ts';

test('a heap gives its items in order, whatever order they came in', () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), (numbers) => {
      const heap = new Heap<number>((a, b) => a < b);
      for (const number of numbers) heap.push(number);
      assert.equal(heap.size, numbers.length);
      assert.deepEqual(
        numbers.map(() => heap.pop()),
        numbers.toSorted((a, b) => a - b),
      );
      assert.equal(heap.pop(), undefined);
    }),
  );
});

test('a heap that is filled and emptied in turns always gives the first of what it holds', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.integer())), (steps) => {
      const heap = new Heap<number>((a, b) => a < b);
      let held: number[] = [];
      for (const step of steps) {
        if (step === null) {
          assert.equal(heap.pop(), held[0]);
          held = held.slice(1);
        } else {
          heap.push(step);
          held = [...held, step].toSorted((a, b) => a - b);
        }
      }
    }),
  );
});
