// The published stories of hpack-test-case: header blocks of real traffic as three other encoders wrote them, decoded one after
// the other, and the same fields through our encoder and back. Skipped where the stories are not at hand.
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { HpackDecoder } from '#wire/http2/hpack/decoder.ts';
import { HpackEncoder } from '#wire/http2/hpack/encoder.ts';
import { decodePairs, encodePairs, fromHex, type NameAndValue } from '#wire/http2/hpack/testing.ts';

const STORIES = join(import.meta.dirname, '../../../shared/vectors/hpack');
const skip = existsSync(STORIES) ? false : `no stories at ${STORIES}`;

interface Case {
  readonly seqno: number;
  readonly wire: string;
  readonly headers: readonly Readonly<Record<string, string>>[];
  /** SETTINGS_HEADER_TABLE_SIZE from this block on. */
  readonly header_table_size?: number;
}

function stories(): readonly (readonly [path: string, cases: readonly Case[]])[] {
  const paths = globSync('*/story_*.json', { cwd: STORIES }).sort();
  return paths.map((path) => [
    path,
    (JSON.parse(readFileSync(join(STORIES, path), 'utf8')) as { cases: Case[] }).cases,
  ]);
}

const pairsOf = (story: Case): NameAndValue[] => story.headers.flatMap((header) => Object.entries(header));

test('stories that others encoded are decoded', { skip }, () => {
  let blocks = 0;
  for (const [path, cases] of stories()) {
    const decoder = new HpackDecoder({ maxTableBytes: 4096 });
    for (const story of cases) {
      if (story.header_table_size !== undefined) decoder.setMaxTableBytes(story.header_table_size);
      assert.deepEqual(decodePairs(decoder, fromHex(story.wire)), pairsOf(story), `${path} ${story.seqno}`);
      blocks++;
    }
  }
  assert.ok(blocks > 1000);
});

test('stories that we encode are decoded to the same fields, from less than half of their octets', { skip }, () => {
  let octets = 0;
  let plain = 0;
  for (const [path, cases] of stories()) {
    const decoder = new HpackDecoder({ maxTableBytes: 4096 });
    const encoder = new HpackEncoder();
    for (const story of cases) {
      if (story.header_table_size !== undefined) {
        decoder.setMaxTableBytes(story.header_table_size);
        encoder.setPeerMaxTableBytes(story.header_table_size);
      }
      const pairs = pairsOf(story);
      const block = encodePairs(encoder, pairs);
      assert.deepEqual(decodePairs(decoder, block), pairs, `${path} ${story.seqno}`);
      octets += block.length;
      for (const [name, value] of pairs) plain += name.length + value.length;
    }
  }
  assert.ok(octets < plain / 2, `${octets} of ${plain} octets`);
});
