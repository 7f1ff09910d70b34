// SipHash-2-4 against the vectors that its authors published.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sipHalves, sipHash } from './sip-hash.ts';

/** Of the bytes 00, 01, 02, … under the key 00 to 0f, by length; the hash here takes whole UTF-16 units, so even lengths. */
const VECTORS: readonly (readonly [length: number, hash: string])[] = [
  [0, '310e0edd47db6f72'],
  [2, '5a4fa9d909806c0d'],
  [4, 'b7877127e09427cf'],
  [6, 'cee3fe586e46c9cb'],
  [8, '6224939a79f5f593'],
  [10, 'f3b9dd94c5bb5d7a'],
  [12, 'fbe50e86bc8f1e75'],
  [14, 'eef27a8e90ca23f7'],
];

const KEY = new Int32Array(Uint8Array.from({ length: 16 }, (_, i) => i).buffer);

function hashOf(text: string, key = KEY): string {
  sipHash(text, key);
  return Buffer.from(sipHalves.slice().buffer).toString('hex');
}

test('hashes are those of the published vectors', () => {
  for (const [length, hash] of VECTORS) {
    const bytes = Buffer.from(Uint8Array.from({ length }, (_, i) => i));
    assert.equal(hashOf(bytes.toString('utf16le')), hash, `${length} bytes`);
  }
});

test('another key gives other hashes, and so do texts that differ in length or in one bit', () => {
  const texts = ['', 'a', 'b', 'aa', 'aaa', 'aaaa', 'aaaaa', 'Ā', '\u0001', '\0', '\0\0'];
  const hashes = texts.flatMap((text) => [hashOf(text), hashOf(text, Int32Array.of(1, 2, 3, 4))]);
  assert.equal(new Set(hashes).size, texts.length * 2);
});
