// The Huffman code, to and fro, against a decoder that reads bit by bit.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '#lib/properties.ts';
import { decodeHuffman, huffmanLength, writeHuffman } from './huffman.ts';

function encode(text: string): Buffer {
  const bytes = Buffer.alloc(huffmanLength(text) + 1);
  assert.equal(writeHuffman(text, bytes, 0), bytes.length - 1, 'the length is what was promised');
  return bytes.subarray(0, -1);
}

const decode = (bytes: Uint8Array) => decodeHuffman(bytes, 0, bytes.length);
const latin1 = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) });

test('every octet comes back, alone and behind every other', () => {
  for (let first = 0; first < 256; first++) {
    const alone = String.fromCharCode(first);
    assert.equal(decode(encode(alone)), alone);
    for (let second = 0; second < 256; second++) {
      const pair = String.fromCharCode(first, second);
      assert.equal(decode(encode(pair)), pair);
    }
  }
});

test('RFC 7541 Appendix B: the codes are those of the table, one of every length at least', () => {
  // Symbol, code and bits, as the RFC lists them.
  const table = [
    [48, 0x0, 5],
    [116, 0x9, 5],
    [32, 0x14, 6],
    [117, 0x2d, 6],
    [58, 0x5c, 7],
    [122, 0x7b, 7],
    [38, 0xf8, 8],
    [90, 0xfd, 8],
    [33, 0x3f8, 10],
    [124, 0x7fc, 11],
    [62, 0xffb, 12],
    [126, 0x1ffd, 13],
    [94, 0x3ffc, 14],
    [123, 0x7ffe, 15],
    [208, 0x7fff2, 19],
    [226, 0xfffed, 20],
    [230, 0x1fffe8, 21],
    [233, 0x3fffeb, 22],
    [239, 0x7ffff4, 23],
    [237, 0xfffff5, 24],
    [235, 0x1ffffef, 25],
    [255, 0x3ffffee, 26],
    [254, 0x7fffff0, 27],
    [249, 0xffffffe, 28],
    [22, 0x3ffffffe, 30],
  ] as const;
  for (const [symbol, code, length] of table) {
    const bits = code.toString(2).padStart(length, '0');
    assert.equal(
      allBits(encode(String.fromCharCode(symbol))),
      bits.padEnd(Math.ceil(length / 8) * 8, '1'),
      `${symbol}`,
    );
  }
});

test('text of any length comes back from any place in a buffer', () => {
  fc.assert(
    fc.property(latin1, fc.nat({ max: 9 }), (text, before) => {
      const encoded = encode(text);
      const bytes = Buffer.concat([Buffer.alloc(before, 0xaa), encoded, Buffer.from('more')]);
      assert.equal(decodeHuffman(bytes, before, before + encoded.length), text);
    }),
  );
  for (const length of [4095, 4096, 70_000, 1_000_000]) {
    const text = 'a\xff0'.repeat(length / 3);
    assert.equal(decode(encode(text)), text);
  }
});

test('whatever the octets, the verdict and the text are those of a decoder that reads bit by bit', () => {
  const codes = new Map<string, number>();
  for (let symbol = 0; symbol < 256; symbol++) codes.set(bitsOf(symbol), symbol);
  // Ones and text are mixed in, as random octets alone hold few long codes.
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 4 }),
    fc.constantFrom(Uint8Array.of(0xff), Uint8Array.of(0xff, 0xff, 0xff)),
    latin1.map(encode),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 5 }), (pieces) => {
      const bytes = Buffer.concat(pieces);
      assert.equal(decode(bytes), readByBit(bytes, codes));
    }),
    { numRuns: 2000 },
  );
});

/** The code of one symbol: what is left of its encoding without the padding, which never completes a code. */
function bitsOf(symbol: number): string {
  const twice = allBits(encode(String.fromCharCode(symbol, symbol)));
  const once = allBits(encode(String.fromCharCode(symbol)));
  for (let length = 5; length <= 30; length++) {
    const bits = once.slice(0, length);
    if (once.slice(length).length < 8 && twice.startsWith(bits + bits) && twice.length - 2 * length < 8) return bits;
  }
  throw new Error(`no code for ${symbol}`);
}

function allBits(bytes: Uint8Array): string {
  return [...bytes].map((octet) => octet.toString(2).padStart(8, '0')).join('');
}

function readByBit(bytes: Uint8Array, codes: ReadonlyMap<string, number>): string | undefined {
  let text = '';
  let pending = '';
  for (const bit of allBits(bytes)) {
    pending += bit;
    const symbol = codes.get(pending);
    if (symbol === undefined) continue;
    text += String.fromCharCode(symbol);
    pending = '';
  }
  return pending.length < 8 && !pending.includes('0') ? text : undefined;
}
