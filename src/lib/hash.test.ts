// The hash of tables in memory: depends on every character and on the seed, and spreads keys evenly.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '#lib/properties.ts';
import { hash64, hashHalves } from './hash.ts';

function hash(text: string, low = 1, high = 2): string {
  hash64(text, low, high);
  return `${hashHalves[0]},${hashHalves[1]}`;
}

test('the same text and seed give the same hash', () => {
  fc.assert(
    fc.property(fc.string(), fc.integer(), fc.integer(), (text, a, b) =>
      assert.equal(hash(text, a, b), hash(text, a, b)),
    ),
  );
});

test('another seed gives another hash', () => {
  const hashes = new Set(Array.from({ length: 1000 }, (_, seed) => hash('203.0.113.9', seed, seed * 7 + 1)));
  assert.equal(hashes.size, 1000);
});

test('one changed bit of a character changes the hash', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, maxLength: 40 }), fc.nat(), (text, index) => {
      const at = index % text.length;
      const other = `${text.slice(0, at)}${String.fromCharCode(text.charCodeAt(at) ^ 1)}${text.slice(at + 1)}`;
      assert.notEqual(hash(other), hash(text));
    }),
  );
});

test('characters beyond 8 bits count, and so does the length', () => {
  assert.notEqual(hash('\u0141'), hash('A'));
  assert.notEqual(hash(''), hash('\0'));
  assert.notEqual(hash('\0'), hash('\0\0'));
});

test('neighbouring addresses do not collide and fill sets evenly', () => {
  const count = 1 << 16;
  const sets = new Uint32Array(256);
  const seen = new Set<string>();
  for (let i = 0; i < count; i++) {
    seen.add(hash(`10.0.${i >> 8}.${i & 255}`));
    const set = (hashHalves[0] as number) & 255;
    sets[set] = (sets[set] as number) + 1;
  }
  assert.equal(seen.size, count);
  // 256 a set on average; chance alone stays within six standard deviations of 16.
  assert.ok(Math.max(...sets) < 256 + 96, `fullest set ${Math.max(...sets)}`);
  assert.ok(Math.min(...sets) > 256 - 96, `emptiest set ${Math.min(...sets)}`);
});
