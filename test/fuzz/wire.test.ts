// The wire code under mutated bytes: it never fails in a way of its own, it does not matter how bytes are split, and nothing it
// accepts is framed in another way by Node's own parser.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HeadReader } from '#wire/http1/head-reader.ts';
import { parseResponseHead } from '#wire/http1/response-head.ts';
import { Violation } from '#wire/http1/violation.ts';
import { framedByNode } from './llhttp.ts';
import { fuzzRounds, fuzzSeed, Mutator, REQUESTS, RESPONSES } from './mutate.ts';
import { framedByUs } from './own-framing.ts';

test('requests: the verdict is the same for any split, and only violations are thrown', (t) => {
  const seed = fuzzSeed();
  t.diagnostic(`TIDEGATE_FUZZ_SEED=${seed}`);
  const mutator = new Mutator(seed);
  for (let round = 0; round < fuzzRounds(30_000); round++) {
    const bytes = mutator.message(REQUESTS);
    const whole = framedByUs([bytes]);
    const split = framedByUs(mutator.split(bytes));
    assert.deepEqual(split.requests, whole.requests, JSON.stringify(bytes));
    assert.equal(split.violation === undefined, whole.violation === undefined, JSON.stringify(bytes));
  }
});

test('responses: only violations are thrown', (t) => {
  const seed = fuzzSeed();
  t.diagnostic(`TIDEGATE_FUZZ_SEED=${seed}`);
  const mutator = new Mutator(seed);
  for (let round = 0; round < fuzzRounds(30_000); round++) {
    const bytes = mutator.message(RESPONSES);
    const reader = new HeadReader(65536);
    try {
      const buffer = Buffer.from(bytes, 'latin1');
      if (reader.read(buffer, 0, buffer.length) >= 0) parseResponseHead(reader, 'GET', 256);
    } catch (error) {
      assert.ok(error instanceof Violation, `${JSON.stringify(bytes)}: ${String(error)}`);
    }
  }
});

test('what we accept, Node frames in the same way', async (t) => {
  const seed = fuzzSeed();
  t.diagnostic(`TIDEGATE_FUZZ_SEED=${seed}`);
  const mutator = new Mutator(seed);
  let accepted = 0;
  let compared = 0;
  for (let round = 0; round < fuzzRounds(6000); round++) {
    const bytes = mutator.message(REQUESTS);
    const ours = framedByUs([bytes]).requests;
    if (ours.length === 0) continue;
    accepted++;
    const nodes = await framedByNode(bytes);
    // Node may stop earlier, as it is stricter in places of its own; what it frames it frames like us.
    const common = Math.min(ours.length, nodes.length);
    compared += common;
    assert.deepEqual(nodes.slice(0, common), ours.slice(0, common), JSON.stringify(bytes));
  }
  t.diagnostic(`${accepted} inputs accepted, ${compared} requests compared`);
  assert.ok(compared > accepted / 2);
});
