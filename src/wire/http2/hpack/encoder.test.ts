// The encoder: what it writes is decoded to what was given, and it puts into the table what is worth it and nothing secret.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '#lib/properties.ts';
import { HpackDecoder } from './decoder.ts';
import { HpackEncoder } from './encoder.ts';
import { decodeFields, decodePairs, dynamicEntries, encodePairs, type NameAndValue } from './testing.ts';

const decoderOf = (maxTableBytes = 4096) => new HpackDecoder({ maxTableBytes });

function encodeLines(encoder: HpackEncoder, text: string, neverIndexed?: ReadonlySet<string>): Buffer {
  encoder.begin();
  encoder.lines(text, neverIndexed);
  return Buffer.from(encoder.end());
}

const character = fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code));
const name = fc.oneof(
  fc.constantFrom(
    ':path',
    ':status',
    'cookie',
    'etag',
    'content-length',
    'x-a',
    'x-b',
    'authorization',
    'accept-encoding',
  ),
  fc.stringMatching(/^[a-z-]{1,70}$/),
);
const value = fc.oneof(
  fc.constantFrom('', '200', 'gzip, deflate', 'a', 'b', 'c', '0123456789012345678901234'),
  fc.string({ unit: character, maxLength: 300 }).map((text) => text.trim()),
);
const blocks = fc.array(fc.array(fc.tuple(name, value), { maxLength: 12 }), { maxLength: 30 });

/** A size of the table that the peer says, and when. */
const sizes = fc.array(fc.record({ block: fc.nat(29), bytes: fc.constantFrom(0, 40, 100, 500, 4096, 10_000) }));

test('fields come back as they were given, whatever sizes the peer allows in between', () => {
  fc.assert(
    fc.property(blocks, sizes, fc.constantFrom(0, 60, 4096, 16384), (given, announced, maxTableBytes) => {
      const encoder = new HpackEncoder({ maxTableBytes });
      const decoder = decoderOf();
      for (const [i, pairs] of given.entries()) {
        for (const { bytes } of announced.filter(({ block }) => block === i)) {
          encoder.setPeerMaxTableBytes(bytes);
          decoder.setMaxTableBytes(bytes);
        }
        assert.deepEqual(decodePairs(decoder, encodePairs(encoder, pairs)), pairs);
      }
    }),
    { numRuns: 300 },
  );
});

test('lines come back as the fields they hold, however they are spelt, mixed with fields', () => {
  const spelling = fc.constantFrom(
    (text: string) => text,
    (text: string) => text.toUpperCase(),
    (text: string) => text.slice(0, 1).toUpperCase() + text.slice(1),
  );
  const blank = fc.constantFrom('', ' ', '\t', '  \t ');
  const line = fc.record({ name: fc.stringMatching(/^x-[a-d]{1,2}$/), value, spelling, before: blank, after: blank });
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.array(line), fc.array(fc.tuple(name, value))), { maxLength: 12 }), (given) => {
      const encoder = new HpackEncoder({ maxTableBytes: 600 });
      const decoder = decoderOf();
      for (const [lines, pairs] of given) {
        encoder.begin();
        for (const pair of pairs) encoder.field(...pair);
        encoder.lines(lines.map((l) => `${l.spelling(l.name)}:${l.before}${l.value}${l.after}\r\n`).join(''));
        const expected = [...pairs, ...lines.map((l) => [l.name, l.value])];
        assert.deepEqual(decodePairs(decoder, Buffer.from(encoder.end())), expected);
      }
    }),
    { numRuns: 300 },
  );
});

test('a block may be split anywhere: two blocks of half the fields give the same fields', () => {
  fc.assert(
    fc.property(blocks, fc.nat(12), (given, cut) => {
      const whole = new HpackEncoder();
      const split = new HpackEncoder();
      const [wholeDecoder, splitDecoder] = [decoderOf(), decoderOf()];
      for (const pairs of given) {
        const parts = [pairs.slice(0, cut), pairs.slice(cut)].map((part) => encodePairs(split, part));
        const block = encodePairs(whole, pairs);
        assert.deepEqual(Buffer.concat(parts), block);
        const fromParts = parts.flatMap((part) => decodePairs(splitDecoder, part));
        assert.deepEqual(fromParts, decodePairs(wholeDecoder, block));
      }
    }),
  );
});

const RESPONSE =
  'Server: nginx\r\nContent-Type: text/html; charset=utf-8\r\nVary: Accept-Encoding\r\nCache-Control: public, max-age=3600\r\n' +
  'X-Content-Type-Options: nosniff\r\n';

test('repeated lines become one octet each', () => {
  const encoder = new HpackEncoder();
  const first = encodeLines(encoder, RESPONSE);
  assert.ok(first.length < RESPONSE.length * 0.85, 'the Huffman code is used for what is indexed');
  assert.equal(encodeLines(encoder, RESPONSE).length, 5);
  assert.equal(
    encodeLines(
      encoder,
      RESPONSE.replaceAll(/^[^:]+/gm, (spelt) => spelt.toLowerCase()),
    ).length,
    5,
  );
  assert.equal(encodeLines(encoder, RESPONSE).length, 5);
});

test('lines in another order, left out or put in are found all the same', () => {
  const encoder = new HpackEncoder();
  encodeLines(encoder, RESPONSE);
  const lines = RESPONSE.split(/(?<=\n)/);
  assert.equal(encodeLines(encoder, lines.toReversed().join('')).length, 5);
  assert.equal(encodeLines(encoder, lines.slice(2).join('')).length, 3);
  assert.equal(encodeLines(encoder, [...lines, ...lines].join('')).length, 10);
});

test('a field given by name and value is the one that came as a line', () => {
  const encoder = new HpackEncoder();
  encodeLines(encoder, RESPONSE);
  assert.equal(encodePairs(encoder, [['vary', 'Accept-Encoding']]).length, 1);
});

test('fields of the static table are one octet from the start', () => {
  const fields: NameAndValue[] = [
    [':method', 'GET'],
    [':scheme', 'https'],
    [':path', '/'],
    [':status', '404'],
    ['accept-encoding', 'gzip, deflate'],
  ];
  assert.equal(encodePairs(new HpackEncoder(), fields).toString('hex'), '8287848d90');
});

test('values that never come again do not drive those out that do', () => {
  const encoder = new HpackEncoder();
  const decoder = decoderOf();
  let octets = 0;
  for (let i = 0; i < 1000; i++) {
    const once = `X-Trace: ${'0123456789'.repeat(10)}${i}\r\nContent-Length: ${i}\r\nETag: "${i}"\r\n`;
    const block = encodeLines(encoder, once + RESPONSE);
    decodeFields(decoder, block);
    octets = block.length;
  }
  const names = new Set(dynamicEntries(decoder).map((field) => field.name));
  for (const kept of ['server', 'content-type', 'vary', 'cache-control']) assert.ok(names.has(kept), kept);
  assert.ok(octets < 150, `${octets} octets`);
});

test('a value that changes at times, as a date does, is indexed between its changes', () => {
  const encoder = new HpackEncoder();
  for (let second = 10; second < 60; second++) {
    const line = `Date: Tue, 15 Nov 1994 08:12:${second} GMT\r\n`;
    encodeLines(encoder, line);
    encodeLines(encoder, line);
    assert.equal(encodeLines(encoder, line).length, 1);
  }
});

test('a value of a volatile name is indexed once it came twice in a row', () => {
  const encoder = new HpackEncoder();
  const lengths = ['7', '7', '7', '8', '7'].map((text) => encodePairs(encoder, [['content-length', text]]).length);
  assert.deepEqual(lengths, [4, 3, 1, 3, 1]);
});

test('RFC 7541 7.1.3: credentials are never indexed, and marked for those behind us', () => {
  const secrets: NameAndValue[] = [
    ['authorization', 'Bearer 0123456789012345678901234567890'],
    ['proxy-authorization', 'Basic YTpi'],
    ['set-cookie', 'session=0123456789012345678901234567890'],
    ['cookie', 'pin=1234'],
    ['x-api-key', 'k'],
  ];
  const encoder = new HpackEncoder();
  const decoder = decoderOf();
  for (let i = 0; i < 3; i++) {
    const fields = [
      ...decodeFields(decoder, encodePairs(encoder, secrets)),
      ...decodeFields(decoder, encodeLines(encoder, secrets.map((pair) => `${pair.join(': ')}\r\n`).join(''))),
    ];
    assert.deepEqual(
      fields.map((field) => field.neverIndexed),
      new Array(secrets.length * 2).fill(true),
    );
  }
  assert.deepEqual(dynamicEntries(decoder), []);
});

test('a long cookie that comes again is indexed, as guessing it whole is hopeless', () => {
  const encoder = new HpackEncoder();
  const cookie = 'Cookie: session=0123456789012345678901234567890\r\n';
  encodeLines(encoder, cookie);
  encodeLines(encoder, cookie);
  assert.equal(encodeLines(encoder, cookie).length, 1);
});

test('RFC 7541 6.2.3: what a sender forbade to index is passed on in the same form, even when it is in the table', () => {
  const encoder = new HpackEncoder();
  const decoder = decoderOf();
  decodeFields(decoder, encodeLines(encoder, 'X-A: b\r\nX-C: d\r\n'));
  const fields = decodeFields(decoder, encodeLines(encoder, 'X-A: b\r\nX-C: d\r\n', new Set(['x-a'])));
  assert.deepEqual(
    fields.map((field) => [field.name, field.value, field.neverIndexed]),
    [
      ['x-a', 'b', true],
      ['x-c', 'd', false],
    ],
  );
  encoder.begin();
  encoder.neverIndexed('x-c', 'd');
  const [forbidden] = decodeFields(decoder, encoder.end());
  assert.equal(forbidden?.neverIndexed, true);
});

test('RFC 7541 4.2: the smallest size in between and the last are signalled once, at the start of the next block', () => {
  const encoder = new HpackEncoder();
  const sizeUpdates = () => encodePairs(encoder, []).toString('hex');
  assert.equal(sizeUpdates(), '');
  encoder.setPeerMaxTableBytes(4096);
  encoder.setPeerMaxTableBytes(65536);
  assert.equal(sizeUpdates(), '', 'our own bound stays');
  encoder.setPeerMaxTableBytes(10);
  assert.equal(sizeUpdates(), '2a');
  assert.equal(sizeUpdates(), '');
  encoder.setPeerMaxTableBytes(0);
  encoder.setPeerMaxTableBytes(20);
  encoder.setPeerMaxTableBytes(4096);
  assert.equal(sizeUpdates(), '203fe11f');
});

test('a bound of our own below the initial size is signalled with the first block', () => {
  assert.equal(encodePairs(new HpackEncoder({ maxTableBytes: 0 }), []).toString('hex'), '20');
});

test('a bound of our own above the initial size is used when the peer allows it', () => {
  const encoder = new HpackEncoder({ maxTableBytes: 8192 });
  assert.equal(encodePairs(encoder, []).toString('hex'), '');
  encoder.setPeerMaxTableBytes(100_000);
  assert.equal(encodePairs(encoder, []).toString('hex'), '3fe13f');
});

test('names without end are written, and not remembered', () => {
  const encoder = new HpackEncoder();
  const decoder = decoderOf();
  for (let i = 0; i < 500; i++) {
    const pairs: NameAndValue[] = [
      [`x-${i}`, 'a'],
      ['x'.repeat(100), 'a'],
      [':status', '200'],
    ];
    assert.deepEqual(decodePairs(decoder, encodePairs(encoder, pairs)), pairs);
  }
  const kept = new Set(dynamicEntries(decoder).map((field) => field.name));
  assert.ok(!kept.has('x-499') && !kept.has('x'.repeat(100)));
});

test('a block longer than the memory that is kept is whole', () => {
  const encoder = new HpackEncoder();
  const pairs: NameAndValue[] = [
    ['x-long', '\xfc'.repeat(200_000)],
    ['x-a', 'b'],
  ];
  assert.deepEqual(decodePairs(decoderOf(), encodePairs(encoder, pairs)), pairs);
  assert.deepEqual(encodePairs(encoder, [[':status', '200']]).toString('hex'), '88');
});
