// Keys of session tickets: found by name for as long as they are kept, and gone thereafter.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TICKET_KEY_BYTES, TicketKeys } from './ticket-keys.ts';

const key = (fill: number) => new Uint8Array(TICKET_KEY_BYTES).fill(fill);
const wordsOf = (bytes: Uint8Array) => new Int32Array(bytes.buffer);
const nameOf = (fill: number) => wordsOf(new Uint8Array(16).fill(fill));

/** The age and the first byte of the key of that name. */
function find(keys: TicketKeys, fill: number): readonly [number, number] {
  const into = new Uint8Array(TICKET_KEY_BYTES);
  const age = keys.find(nameOf(fill), wordsOf(into));
  return [age, into[TICKET_KEY_BYTES - 1] as number];
}

test('the present key and the two before it are found, by every thread that has the buffer', () => {
  const keys = TicketKeys.create(key(1));
  const other = new TicketKeys(keys.buffer);
  assert.deepEqual(find(other, 1), [0, 1]);
  keys.rotate(key(2));
  keys.rotate(key(3));
  assert.deepEqual(
    [find(other, 3), find(other, 2), find(other, 1)],
    [
      [0, 3],
      [1, 2],
      [2, 1],
    ],
  );
  const into = new Uint8Array(TICKET_KEY_BYTES);
  other.present(wordsOf(into));
  assert.deepEqual(into, key(3));
});

test('a key that is older is nowhere in the memory any more', () => {
  const keys = TicketKeys.create(key(0x55));
  for (const fill of [2, 3, 4]) keys.rotate(key(fill));
  assert.equal(find(keys, 0x55)[0], -1);
  assert.equal(new Uint8Array(keys.buffer).includes(0x55), false);
});

test('before there were three keys, a name of zeros is that of none', () => {
  assert.equal(find(TicketKeys.create(key(1)), 0)[0], -1);
});

test('every rotation changes the version', () => {
  const keys = TicketKeys.create(key(1));
  const before = keys.version;
  keys.rotate(key(2));
  assert.notEqual(keys.version, before);
});
