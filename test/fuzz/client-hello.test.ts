// The reader of ClientHellos under mutated bytes: it never fails in a way of its own, it does not matter how bytes are split or put
// into records, and what was put in comes out.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClientHello } from '#wire/tls/client-hello.ts';
import { ClientHelloReader } from '#wire/tls/client-hello-reader.ts';
import { TlsError } from '#wire/tls/tls-error.ts';
import { helloMessage, records } from '../support/client-hello.ts';
import { fuzzRounds, fuzzSeed, Mutator } from './mutate.ts';

const SEEDS: readonly string[] = [
  records(helloMessage({ names: ['a.example'], protocols: ['h2', 'http/1.1'] })),
  records(helloMessage({ names: ['www.a-long-name.example'] }), 7),
  records(helloMessage({ protocols: ['h2'], extensions: [[0x2a2a, Buffer.alloc(3)]] }), 40),
].map((bytes) => bytes.toString('latin1'));

/** What is read of pieces, or the alert that refuses them; `undefined` when more is needed. */
function verdict(pieces: readonly string[]): ClientHello | string | undefined {
  const reader = new ClientHelloReader();
  try {
    for (const piece of pieces) {
      const hello = reader.push(Buffer.from(piece, 'latin1'));
      if (hello) return hello;
    }
    return undefined;
  } catch (error) {
    assert.ok(error instanceof TlsError, `${JSON.stringify(pieces)}: ${String(error)}`);
    return error.message;
  }
}

test('the verdict is the same for any split, and only TLS errors are thrown', (t) => {
  const seed = fuzzSeed();
  t.diagnostic(`TIDEGATE_FUZZ_SEED=${seed}`);
  const mutator = new Mutator(seed);
  let accepted = 0;
  for (let round = 0; round < fuzzRounds(30_000); round++) {
    const bytes = mutator.message(SEEDS);
    const whole = verdict([bytes]);
    if (typeof whole === 'object') accepted++;
    assert.deepEqual(verdict(mutator.split(bytes)), whole, JSON.stringify(bytes));
  }
  t.diagnostic(`${accepted} inputs accepted`);
  assert.ok(accepted > 0);
});

test('names and protocols come out as they were put in, from records of any size', (t) => {
  const seed = fuzzSeed();
  t.diagnostic(`TIDEGATE_FUZZ_SEED=${seed}`);
  const mutator = new Mutator(seed);
  const letters = 'abcdefghijklmnopqrstuvwxyz0123456789';
  const word = () => Array.from({ length: 1 + mutator.integer(30) }, () => mutator.pick([...letters])).join('');
  for (let round = 0; round < fuzzRounds(5000); round++) {
    const name = Array.from({ length: 1 + mutator.integer(5) }, word).join('.');
    const protocols = Array.from({ length: mutator.integer(5) }, word);
    const bytes = records(helloMessage({ names: [name], protocols }), 1 + mutator.integer(300));
    const expected = { serverName: name, protocols };
    assert.deepEqual(verdict(mutator.split(bytes.toString('latin1'))), expected);
    // Nothing less than the whole is enough.
    assert.equal(verdict([bytes.toString('latin1', 0, mutator.integer(bytes.length))]), undefined);
  }
});
