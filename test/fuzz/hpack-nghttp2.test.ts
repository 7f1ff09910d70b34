// Our header compression against nghttp2's, as node:http2 has it: each decodes what the other encodes, and both refuse the same.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HpackDecoder, HpackError } from '#wire/http2/hpack/decoder.ts';
import { HpackEncoder } from '#wire/http2/hpack/encoder.ts';
import { decodePairs, encodePairs, type NameAndValue } from '#wire/http2/hpack/testing.ts';
import { fuzzRounds, fuzzSeed, Mutator } from './mutate.ts';
import { NodeDecoder, NodeEncoder } from './nghttp2.ts';

const PSEUDO: readonly NameAndValue[] = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':authority', 'www.example.com'],
  [':path', '/a/b?c=d'],
];
/** Node takes each of these once at most, and the others as often as one likes. */
const SINGLE = new Set(['user-agent', 'authorization', 'content-type', 'etag']);
const NAMES = [...SINGLE, 'accept', 'cookie', 'x-a', 'x-b', 'x-long-name-of-ours'];
const TABLE_SIZES = [0, 64, 200, 1000, 4096, 16_384];

/** Fields of a request, some of them as in earlier ones. */
function request(mutator: Mutator): NameAndValue[] {
  const fields: NameAndValue[] = [...PSEUDO];
  for (let more = mutator.integer(12); more > 0; more--) {
    const name = mutator.pick(NAMES);
    if (!SINGLE.has(name) || !fields.some(([other]) => other === name)) fields.push([name, value(mutator)]);
  }
  return fields;
}

function value(mutator: Mutator): string {
  if (mutator.integer(2) === 0) return `value ${mutator.integer(5)}`;
  // Node trims values.
  const length = mutator.integer(mutator.pick([3, 40, 300]));
  const text = Array.from({ length }, () =>
    String.fromCharCode(0x20 + mutator.integer(mutator.pick([0x5f, 0xe0]))),
  ).join('');
  return text.replaceAll('\x7f', '').trim();
}

test('what nghttp2 encodes, we decode, through changes of the table size', async (t) => {
  const seed = fuzzSeed();
  t.diagnostic(`TIDEGATE_FUZZ_SEED=${seed}`);
  const mutator = new Mutator(seed);
  for (let connection = 0; connection < fuzzRounds(30); connection++) {
    const theirs = new NodeEncoder(mutator.pick(TABLE_SIZES));
    const decoder = new HpackDecoder({ maxTableBytes: 4096 });
    await theirs.ready();
    for (let block = 0; block < 20; block++) {
      for (let changes = mutator.integer(8) - 5; changes > 0; changes--) {
        const bytes = mutator.pick(TABLE_SIZES);
        await theirs.setPeerMaxTableBytes(bytes);
        decoder.setMaxTableBytes(bytes);
      }
      const fields = request(mutator);
      assert.deepEqual(decodePairs(decoder, await theirs.encode(fields)), fields);
    }
    theirs.close();
  }
});

test('what we encode, nghttp2 decodes, through changes of the table size', async (t) => {
  const seed = fuzzSeed();
  t.diagnostic(`TIDEGATE_FUZZ_SEED=${seed}`);
  const mutator = new Mutator(seed);
  for (let connection = 0; connection < fuzzRounds(30); connection++) {
    const theirs = new NodeDecoder();
    const encoder = new HpackEncoder({ maxTableBytes: mutator.pick(TABLE_SIZES) });
    for (let block = 0; block < 20; block++) {
      for (let changes = mutator.integer(8) - 5; changes > 0; changes--) {
        const bytes = mutator.pick(TABLE_SIZES);
        await theirs.setMaxTableBytes(bytes);
        encoder.setPeerMaxTableBytes(bytes);
      }
      const fields = request(mutator);
      const verdict = await theirs.decode(encodePairs(encoder, fields));
      assert.deepEqual(verdict.fields, fields);
      const secret = fields.filter(
        ([name, text]) => name === 'authorization' || (name === 'cookie' && text.length < 20),
      );
      assert.deepEqual(new Set(verdict.sensitive), new Set(secret.map(([name]) => name)));
    }
    theirs.close();
  }
});

test('answers that nghttp2 encodes, we decode', async (t) => {
  const seed = fuzzSeed();
  t.diagnostic(`TIDEGATE_FUZZ_SEED=${seed}`);
  const mutator = new Mutator(seed);
  for (let connection = 0; connection < fuzzRounds(20); connection++) {
    const fields: NameAndValue[] = [[':status', mutator.pick(['200', '404', '418'])]];
    for (let more = mutator.integer(12); more > 0; more--)
      fields.push([mutator.pick(['x-a', 'x-b', 'link']), value(mutator)]);
    fields.push(['date', 'Tue, 15 Nov 1994 08:12:31 GMT']);
    const theirs = new NodeDecoder(fields);
    const asks = new HpackEncoder();
    for (let block = 0; block < 4; block++) assert.deepEqual(await theirs.answer(encodePairs(asks, PSEUDO)), fields);
    theirs.close();
  }
});

test('mutated blocks are refused by both or by none, and say the same to both', async (t) => {
  const seed = fuzzSeed();
  t.diagnostic(`TIDEGATE_FUZZ_SEED=${seed}`);
  const mutator = new Mutator(seed);
  const counts = { requests: 0, refused: 0, others: 0 };
  for (let round = 0; round < fuzzRounds(600); round++) {
    const theirs = new NodeDecoder();
    const decoder = new HpackDecoder({ maxTableBytes: 4096 });
    const encoder = new HpackEncoder({ maxTableBytes: mutator.pick(TABLE_SIZES) });
    for (let blocks = 1 + mutator.integer(4); blocks > 0; blocks--) {
      const whole = encodePairs(encoder, request(mutator)).toString('latin1');
      const block = Buffer.from(blocks > 1 ? whole : mutated(mutator, whole), 'latin1');
      const verdict = await theirs.decode(block);
      const ours = fieldsOrReason(decoder, block);
      // RFC 7541 4.2 has no use for more than two; nghttp2 does not count them.
      if (ours === 'more than two size updates') break;
      assert.equal(typeof ours === 'string', verdict.refused, block.toString('hex'));
      if (typeof ours !== 'string' && verdict.fields)
        assert.deepEqual(ours.filter(isKept), verdict.fields.filter(isKept), block.toString('hex'));
      if (blocks === 1) counts[verdict.fields ? 'requests' : verdict.refused ? 'refused' : 'others']++;
    }
    theirs.close();
  }
  t.diagnostic(JSON.stringify(counts));
  assert.ok(counts.requests > 0 && counts.refused > 0);
});

/** Octets put in, changed or left out behind the pseudo-fields, or anything anywhere. */
function mutated(mutator: Mutator, block: string): string {
  if (mutator.integer(4) === 0) return mutator.message([block]);
  const at = Math.min(block.length, 4 + mutator.integer(block.length));
  const octets = Array.from({ length: mutator.integer(3) }, () => String.fromCharCode(mutator.integer(256)));
  return block.slice(0, at) + octets.join('') + block.slice(at + mutator.integer(3));
}

/** Node:http2 leaves out what RFC 9113 8.2.1 does not let stand in a field, and a host that is none. */
function isKept([name, text]: NameAndValue): boolean {
  return name !== 'host' && NAME.test(name) && !INVALID_VALUE.test(text);
}

const NAME = /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the control characters are what is looked for
const INVALID_VALUE = /[\x00-\x08\x0a-\x1f\x7f]|^[ \t]|[ \t]$/;

/** What we decode, or why we refuse. */
function fieldsOrReason(decoder: HpackDecoder, block: Buffer): readonly NameAndValue[] | string {
  try {
    return decodePairs(decoder, block);
  } catch (error) {
    assert.ok(error instanceof HpackError, String(error));
    return error.message;
  }
}
