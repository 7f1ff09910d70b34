// The HPACK decoder under mutated blocks: it never fails in a way of its own, what it accepts is within its bounds, and our
// encoder and decoder stay in step whatever fields the mutated blocks held.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HpackDecoder, HpackError } from '#wire/http2/hpack/decoder.ts';
import { HpackEncoder } from '#wire/http2/hpack/encoder.ts';
import { decodeFields, dynamicEntries, encodePairs, type NameAndValue } from '#wire/http2/hpack/testing.ts';
import { fuzzRounds, fuzzSeed, Mutator } from './mutate.ts';

const MESSAGES: readonly (readonly NameAndValue[])[] = [
  [
    [':method', 'GET'],
    [':scheme', 'https'],
    [':authority', 'www.example.com'],
    [':path', '/a/b?c=d'],
    ['user-agent', 'fuzz/1.0 (a; b)'],
    ['cookie', 'a=0123456789; b=0123456789'],
    ['authorization', 'Basic YTpi'],
  ],
  [
    [':status', '200'],
    ['content-type', 'text/html; charset=utf-8'],
    ['content-length', '1234'],
    ['x-bytes', '\xff\xfe\x80\0'],
    ['set-cookie', 'a=b; Secure'],
  ],
];

const MAX_TABLE_BYTES = 300;

/** Blocks as our encoder writes them, cold and warm, with size updates, and a few that it would not write. */
function seeds(): string[] {
  const blocks = [
    '\x40\x01a\x01b\xbe\xbe',
    '\x20\x3f\x0d\x82',
    '\x04\x81\x07\x0f\x2f\x81\x07',
    '\x10\x01a\x82\xff\xff',
  ];
  for (const maxTableBytes of [0, 100, MAX_TABLE_BYTES]) {
    const encoder = new HpackEncoder({ maxTableBytes });
    for (const pairs of [...MESSAGES, ...MESSAGES]) blocks.push(encodePairs(encoder, pairs).toString('latin1'));
  }
  return blocks;
}

test('mutated blocks are decoded within bounds or refused by an HpackError, and what was decoded comes back', (t) => {
  const seed = fuzzSeed();
  t.diagnostic(`TIDEGATE_FUZZ_SEED=${seed}`);
  const mutator = new Mutator(seed);
  const blocks = seeds();
  let accepted = 0;
  for (let round = 0; round < fuzzRounds(20_000); round++) {
    const decoder = new HpackDecoder({ maxTableBytes: MAX_TABLE_BYTES });
    const encoder = new HpackEncoder({ maxTableBytes: mutator.pick([0, 100, 4096]) });
    const mirror = new HpackDecoder({ maxTableBytes: 4096 });
    const sent: string[] = [];
    try {
      for (let more = mutator.integer(4); more >= 0; more--) {
        sent.push(mutator.message(blocks));
        const fields = decodeFields(decoder, Buffer.from(sent.at(-1) ?? '', 'latin1'));
        const pairs = fields.map(({ name, value }): NameAndValue => [name, value]);
        const back = decodeFields(mirror, encodePairs(encoder, pairs));
        assert.deepEqual(
          back.map(({ name, value }) => [name, value]),
          pairs,
          JSON.stringify(sent),
        );
        accepted++;
      }
      const kept = dynamicEntries(decoder).reduce((sum, { size }) => sum + size, 0);
      assert.ok(kept <= MAX_TABLE_BYTES, JSON.stringify(sent));
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      assert.ok(error instanceof HpackError, `${JSON.stringify(sent)}: ${String(error)}`);
    }
  }
  t.diagnostic(`${accepted} blocks accepted`);
  assert.ok(accepted > 0);
});
