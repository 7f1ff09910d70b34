// The check of text in pieces against the runtime's own of the whole.
import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { test } from 'node:test';
import { fc } from '#lib/properties.ts';
import { Utf8Check } from './utf8-check.ts';

/** Whether all of the pieces together are valid text. */
function isValid(...pieces: readonly Uint8Array[]): boolean {
  const check = new Utf8Check();
  return pieces.every((piece) => check.take(piece)) && check.complete;
}

test('agrees with the runtime on every sequence of two bytes, and on the edges of longer ones', () => {
  for (let first = 0; first < 256; first++) {
    for (let second = 0; second < 256; second++) {
      for (const tail of [[], [0x80], [0xbf, 0xbf], [0x80, 0x80, 0x41]]) {
        const bytes = Buffer.from([first, second, ...tail]);
        assert.equal(isValid(bytes), isUtf8(bytes), bytes.toString('hex'));
      }
    }
  }
});

test('agrees with the runtime on any bytes, however they are cut', () => {
  const text = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.string({ unit: 'binary', maxLength: 200 }).map((value) => new Uint8Array(Buffer.from(value))),
  );
  fc.assert(
    fc.property(text, fc.array(fc.nat(300)), fc.option(fc.tuple(fc.nat(300), fc.nat(255))), (bytes, cuts, change) => {
      if (change && bytes.length > 0) bytes[change[0] % bytes.length] = change[1];
      const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length].sort((a, b) => a - b);
      const pieces = at.slice(1).map((end, i) => bytes.subarray(at[i], end));
      assert.equal(isValid(...pieces), isUtf8(bytes));
    }),
    { numRuns: 3000 },
  );
});

test('fails at the first byte that can belong to no text', () => {
  const check = new Utf8Check();
  assert.ok(check.take(Buffer.from([0xf4])));
  assert.equal(check.take(Buffer.from([0x90])), false);
});

test('a text that was cut off is not complete, and the next one begins anew', () => {
  const check = new Utf8Check();
  assert.ok(check.take(Buffer.from('é').subarray(0, 1)));
  assert.equal(check.complete, false);
  check.reset();
  assert.ok(check.take(Buffer.from('a')));
  assert.ok(check.complete);
});
