// Buffers that are used again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BufferPool } from './buffer-pool.ts';

test('a buffer given back is taken again', () => {
  const pool = new BufferPool(1024, 2);
  const buffer = pool.take();
  assert.equal(buffer.length, 1024);
  pool.give(buffer);
  assert.equal(pool.take(), buffer);
});

test('two takers never hold the same buffer, nor the same memory', () => {
  const pool = new BufferPool(64, 2);
  const [a, b] = [pool.take(), pool.take()];
  assert.notEqual(a.buffer, b.buffer);
});

test('no more buffers are kept than asked for', () => {
  const pool = new BufferPool(64, 1);
  const [a, b] = [pool.take(), pool.take()];
  pool.give(a);
  pool.give(b);
  assert.equal(pool.take(), a);
  assert.notEqual(pool.take(), b);
});
