// Control frames as they go out.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closePayload, controlFrame, OPCODE } from './control-frame.ts';

test('RFC 6455 5.7: a ping to a client, and a masked pong to a server, are the examples of the specification', () => {
  const hello = Buffer.from('Hello');
  assert.equal(controlFrame(OPCODE.ping, hello, undefined).toString('hex'), '890548656c6c6f');
  const key = new Uint8Array([0x37, 0xfa, 0x21, 0x3d]);
  assert.equal(controlFrame(OPCODE.pong, hello, key).toString('hex'), '8a8537fa213d7f9f4d5158');
});

test('a Close frame holds its code and its reason', () => {
  assert.deepEqual(closePayload(1001, 'bye'), Buffer.from('\x03\xe9bye', 'latin1'));
  assert.deepEqual(closePayload(1000), Buffer.from([3, 232]));
});

test('a reason that does not fit is cut between characters', () => {
  const payload = closePayload(1000, `a${'é'.repeat(100)}`);
  assert.equal(payload.length, 125);
  assert.equal(payload.toString('utf8', 2), `a${'é'.repeat(61)}`);
  assert.equal(closePayload(1000, 'é'.repeat(100)).length, 124);
});
