// The decoder's bounds and what it promises its caller; test/conformance has what RFC 7541 demands.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '#lib/properties.ts';
import { HpackBomb, HpackDecoder, HpackError } from './decoder.ts';
import { decodeFields, decodePairs, dynamicEntries, fromHex } from './testing.ts';

const decoderOf = (maxTableBytes = 4096) => new HpackDecoder({ maxTableBytes });

test('random octets are decoded or refused by an HpackError, and nothing else', () => {
  let accepted = 0;
  // The first octets of the representations, short lengths, and references, as pure chance is refused at once.
  const octet = fc.oneof(
    fc.nat(255),
    fc.constantFrom(0x40, 0x00, 0x10, 0x82, 0xbe, 0x7e, 0x01, 0x81, 0xff, 0x3f, 0x20),
  );
  fc.assert(
    fc.property(fc.array(fc.array(octet, { maxLength: 40 }), { maxLength: 4 }), (blocks) => {
      const decoder = decoderOf(200);
      try {
        for (const block of blocks) decodeFields(decoder, Uint8Array.from(block));
        accepted++;
      } catch (error) {
        assert.ok(error instanceof HpackError, String(error));
      }
    }),
    { numRuns: 3000 },
  );
  assert.ok(accepted > 0);
});

test('a block is read from where it begins to where it ends, and no further', () => {
  const decoder = decoderOf();
  const bytes = fromHex('ffff 82 40 0161 0162 ffff');
  const lines: string[] = [];
  assert.ok(decoder.decode(bytes, 2, 8, ({ line }) => lines.push(line), 1000));
  assert.deepEqual(lines, [':method: GET\r\n', 'a: b\r\n']);
  assert.throws(() => decoder.decode(bytes, 2, 7, () => {}, 1000), HpackError);
});

test('beyond the list size fields are no longer handed over, and the table stays in step', () => {
  const decoder = decoderOf();
  const block = fromHex('40 0161 0162 40 0163 0164 40 0165 0166');
  const names: string[] = [];
  assert.equal(
    decoder.decode(block, 0, block.length, ({ name }) => names.push(name), 70),
    false,
  );
  assert.deepEqual(names, ['a', 'c']);
  assert.deepEqual(
    dynamicEntries(decoder).map(({ name }) => name),
    ['e', 'c', 'a'],
  );
  assert.deepEqual(decodePairs(decoder, fromHex('be')), [['e', 'f']]);
});

test('a field that does not fit is not followed by a smaller one that would', () => {
  const names: string[] = [];
  const block = fromHex('40 0161 0162 40 0163 0a 61616161616161616161 40 0165 00');
  assert.equal(
    decoderOf().decode(block, 0, block.length, ({ name }) => names.push(name), 70),
    false,
  );
  assert.deepEqual(names, ['a']);
});

test('many references to a large entry hand over one field, again and again', () => {
  const decoder = decoderOf();
  decodeFields(decoder, fromHex(`40 0161 7fa11e ${'62'.repeat(4000)}`));
  const fields = decodeFields(decoder, Buffer.alloc(16384, 0xbe));
  assert.equal(fields.length, 16384);
  assert.equal(new Set(fields).size, 1);
});

test('a field is classified once for every entry, not for every reference', () => {
  let calls = 0;
  const decoder = new HpackDecoder({
    maxTableBytes: 4096,
    classify: (name, value) => {
      calls++;
      return name === 'a' && value === 'b' ? 7 : 1;
    },
  });
  assert.equal(calls, 61, 'the static table');
  const fields = decodeFields(decoder, fromHex('82 40 0161 0162 be be 82 00 0161 0162'));
  assert.deepEqual(
    fields.map(({ kind }) => kind),
    [1, 7, 7, 7, 1, 7],
  );
  assert.equal(calls, 63, 'and two literals');
});

test('decoders with one classifier share the static table', () => {
  let calls = 0;
  const classify = () => ++calls;
  for (let i = 0; i < 3; i++) new HpackDecoder({ maxTableBytes: 4096, classify });
  assert.equal(calls, 61);
});

test('without a classifier every field is of kind 0, and its line is made as Fields holds it', () => {
  const [field] = decodeFields(decoderOf(), fromHex('10 0141 03 622063'));
  assert.ok(field);
  assert.deepEqual([field.name, field.value, field.kind, field.size], ['A', 'b c', 0, 36]);
  assert.equal(field.line, 'A: b c\r\n');
  assert.equal(field.line, 'A: b c\r\n');
});

test('octets of a Uint8Array are read as those of a Buffer', () => {
  const block = new Uint8Array(fromHex('40 0161 03 e9ff00 04 81 07'));
  assert.deepEqual(decodePairs(decoderOf(), block), [
    ['a', '\xe9\xff\0'],
    [':path', '0'],
  ]);
});

test('a block is given up as soon as its list exceeds what is worth decoding, and not before', () => {
  const block = Buffer.from([0x82, 0x82, 0x82]);
  const names: string[] = [];
  const decoder = new HpackDecoder({ maxTableBytes: 4096, maxDecodedBytes: 84 });
  assert.equal(
    decoder.decode(block, 0, 2, ({ name }) => names.push(name), 42),
    false,
  );
  assert.throws(() => decoder.decode(block, 0, 3, ({ name }) => names.push(name), 42), HpackBomb);
  assert.deepEqual(names, [':method', ':method']);
});
