// RFC 7541 by its sections: what a decoder has to refuse, and what it must not.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HpackDecoder, HpackError } from '#wire/http2/hpack/decoder.ts';
import { decodeFields, dynamicEntries, fromHex } from '#wire/http2/hpack/testing.ts';

const decoderOf = (maxTableBytes = 4096) => new HpackDecoder({ maxTableBytes });
const decode = (hex: string, decoder = decoderOf()) =>
  decodeFields(decoder, fromHex(hex)).map(({ name, value }) => `${name}: ${value}`);

function refuses(hex: string, message: RegExp, decoder = decoderOf()): void {
  assert.throws(
    () => decode(hex, decoder),
    (error) => error instanceof HpackError && message.test(error.message),
    `accepted: ${hex}`,
  );
}

describe('RFC 7541 2.3.3: index address space', () => {
  test('the last entry of the static table is 61, and an index behind both tables is an error', () => {
    assert.deepEqual(decode('bd'), ['www-authenticate: ']);
    refuses('be', /index 62/);
    refuses('40 0161 0162 bf', /index 63/);
    assert.deepEqual(decode('40 0161 0162 be'), ['a: b', 'a: b']);
  });

  test('a name of an index behind both tables is an error, in every representation', () => {
    for (const first of ['7e', '0f2f', '1f2f']) refuses(`${first} 0162`, /index 62/);
  });
});

describe('RFC 7541 4: management of the dynamic table', () => {
  test('4.1: an entry counts 32 octets more than its name and value', () => {
    const decoder = decoderOf(68);
    decode('40 0161 0162 40 0163 0164', decoder);
    assert.equal(dynamicEntries(decoder).length, 2);
    decode('40 0165 020000', decoder);
    assert.equal(dynamicEntries(decoder).length, 1);
  });

  test('4.2: a lower limit demands a size update at the beginning of the next block', () => {
    const demanding = () => {
      const decoder = decoderOf();
      decoder.setMaxTableBytes(100);
      return decoder;
    };
    refuses('82', /missing/, demanding());
    refuses('', /missing/, demanding());
    refuses('3f46 82', /100 are allowed/, demanding());
    assert.deepEqual(decode('3f45 82', demanding()), [':method: GET']);
    assert.deepEqual(decode('20 82', demanding()), [':method: GET']);
  });

  test('4.2: the smallest limit in between has to be kept, even when a higher one followed', () => {
    const demanding = () => {
      const decoder = decoderOf();
      decode('40 0161 0162', decoder);
      decoder.setMaxTableBytes(0);
      decoder.setMaxTableBytes(4096);
      return decoder;
    };
    refuses('82', /missing/, demanding());
    refuses('3fe11f 82', /missing/, demanding());
    const decoder = demanding();
    assert.deepEqual(decode('20 3fe11f 82', decoder), [':method: GET']);
    assert.deepEqual(dynamicEntries(decoder), []);
  });

  test('4.2: a limit that the table keeps already demands nothing', () => {
    const decoder = decoderOf();
    decoder.setMaxTableBytes(65536);
    assert.deepEqual(decode('82', decoder), [':method: GET']);
    decoder.setMaxTableBytes(4096);
    assert.deepEqual(decode('82', decoder), [':method: GET']);
  });

  test('4.2: the table stays at 4,096 octets until a size update enlarges it', () => {
    const decoder = decoderOf(65536);
    const field = `40 0161 7fa11e ${'61'.repeat(4000)}`;
    decode(`${field} ${field}`, decoder);
    assert.equal(dynamicEntries(decoder).length, 1);
    decode('3fe1ff03', decoder);
    decode(field, decoder);
    assert.equal(dynamicEntries(decoder).length, 2);
  });

  test('4.2: more than two size updates in a block are an error', () => {
    assert.deepEqual(decode('20 3fe11f 82'), [':method: GET']);
    refuses('20 20 20 82', /more than two/);
  });

  test('4.2: a size update behind a field is an error', () => {
    refuses('82 20', /behind a field/);
    refuses('40 0161 0162 3fe11f', /behind a field/);
  });

  test('4.3: a smaller size evicts the oldest entries', () => {
    const decoder = decoderOf();
    decode('40 0161 0161 40 0162 0162 40 0163 0163', decoder);
    decode('3f25', decoder);
    assert.deepEqual(
      dynamicEntries(decoder).map(({ name }) => name),
      ['c', 'b'],
    );
  });

  test('4.4: an entry larger than the table empties it, and is no error', () => {
    const decoder = decoderOf(64);
    assert.deepEqual(decode(`40 0161 0161 40 0162 20 ${'62'.repeat(32)}`, decoder), ['a: a', `b: ${'b'.repeat(32)}`]);
    assert.deepEqual(dynamicEntries(decoder), []);
  });

  test('4.4: a new entry may take its name from an entry that is evicted for it', () => {
    const decoder = decoderOf(64);
    decode('40 0161 0161', decoder);
    assert.deepEqual(decode('7e 0162 be', decoder), ['a: b', 'a: b']);
  });
});

describe('RFC 7541 5.1: integers', () => {
  test('C.1: the examples, as size updates', () => {
    refuses('2a', /update to 10 octets/, decoderOf(9));
    refuses('3f9a0a', /update to 1337 octets/, decoderOf(1336));
    assert.deepEqual(decode('3f9a0a 82', decoderOf(1337)), [':method: GET']);
  });

  test('an integer of which octets are missing is an error', () => {
    for (const hex of ['ff', 'ff80', '3f', '7f', '40 7f', '0f', '1fff']) refuses(hex, /cut off/);
  });

  test('an integer beyond 32 bits is an error, and so are octets without an end', () => {
    refuses('3fe1ffffff0f', /update to 4294967296 octets/);
    refuses('3fe2ffffff0f', /too large/);
    refuses('3fffffffff7f', /too large/);
    refuses('3f808080808000', /too large/);
    refuses(`ff ${'80'.repeat(10_000)} 00`, /too large/);
  });

  test('an integer may end in octets of zeros', () => {
    assert.deepEqual(decode(`40 0161 7f8000 ${'62'.repeat(127)}`), [`a: ${'b'.repeat(127)}`]);
  });
});

describe('RFC 7541 5.2: strings', () => {
  test('a string longer than what is left of its block is an error', () => {
    for (const hex of ['40', '40 02 61', '40 01 61', '40 01 61 02 62', '44 82 ff']) refuses(hex, /cut off|longer/);
    refuses('40 7fff7f 61', /longer/);
  });

  test('an empty string is a string, plain or by the Huffman code', () => {
    assert.deepEqual(decode('44 00 44 80'), [':path: ', ':path: ']);
  });

  test('padding has less than 8 bits, all ones', () => {
    assert.deepEqual(decode('44 81 07'), [':path: 0']);
    refuses('44 81 06', /Huffman/);
    refuses('44 81 00', /Huffman/);
    refuses('44 82 07 ff', /Huffman/);
    refuses('44 81 ff', /Huffman/);
  });

  test('the end-of-string symbol is an error', () => {
    refuses('44 84 ff ff ff ff', /Huffman/);
    refuses('44 85 07 ff ff ff ff', /Huffman/);
    refuses('44 84 ff ff ff fc', /Huffman/);
  });

  test('octets are kept as they are, whatever they are', () => {
    assert.deepEqual(decode('40 03 41 00 ff 01 0a'), ['A\0\xff: \n']);
  });
});

describe('RFC 7541 6: representations', () => {
  test('6.1: the index 0 is an error', () => {
    refuses('80', /index 0/);
  });

  test('6.2.1: a literal with indexing can be referred to at once', () => {
    assert.deepEqual(decode('40 0161 0162 be 7e 0163 be bf'), ['a: b', 'a: b', 'a: c', 'a: c', 'a: b']);
  });

  test('6.2.2 and 6.2.3: literals of the other forms leave the table as it is', () => {
    const decoder = decoderOf();
    assert.deepEqual(decode('00 0161 0162 10 0161 0162 04 0162 14 0162', decoder), [
      'a: b',
      'a: b',
      ':path: b',
      ':path: b',
    ]);
    assert.deepEqual(dynamicEntries(decoder), []);
  });

  test('6.2.3: only a literal that must not be indexed is marked', () => {
    const marks = decodeFields(decoderOf(), fromHex('00 0161 0162 10 0161 0162 40 0161 0162 be 14 0162'));
    assert.deepEqual(
      marks.map((field) => field.neverIndexed),
      [false, true, false, false, true],
    );
  });

  test('6.3: a size update beyond the limit is an error', () => {
    refuses('3fe21f', /4097 octets, where 4096 are allowed/);
    assert.deepEqual(decode('3fe11f'), []);
  });
});
