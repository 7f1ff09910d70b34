// Keys, lists and extensions of the opening handshake.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acceptFor, isKey, listMembers, namesWebSocket, newKey, parseExtensions } from './handshake.ts';

test('RFC 6455 1.3: the answer to the key of the example is that of the example', () => {
  assert.equal(acceptFor('dGhlIHNhbXBsZSBub25jZQ=='), 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
});

test('RFC 6455 4.2.1: a key is 16 bytes in base64', () => {
  assert.ok(isKey('dGhlIHNhbXBsZSBub25jZQ=='));
  assert.ok(isKey(newKey((size) => new Uint8Array(size).fill(255))));
  for (const wrong of [
    undefined,
    '',
    'dGhlIHNhbXBsZSBub25jZQ',
    'dGhlIHNhbXBsZSBub25jZQ==, x',
    'dGhlIHNhbXBsZSBub25jZTE=',
  ])
    assert.equal(isKey(wrong), false);
});

test('a new key has all 16 bytes it is given', () => {
  const key = newKey((size) => Uint8Array.from({ length: size }, (_, i) => i));
  assert.equal(key, 'AAECAwQFBgcICQoLDA0ODw==');
});

test('the protocol is found in Upgrade in any case, and among others', () => {
  for (const upgrade of ['websocket', 'WebSocket', 'foo, WEBSOCKET']) assert.ok(namesWebSocket(upgrade));
  for (const upgrade of ['', 'websockets', 'h2c']) assert.equal(namesWebSocket(upgrade), false);
});

test('RFC 6455 9.1: extensions are told apart by commas that are not quoted', () => {
  const value = 'permessage-deflate; client_max_window_bits, Foo; bar="a, \\"b\\""; baz,, x-webkit-deflate-frame ';
  assert.deepEqual(parseExtensions(value), [
    { name: 'permessage-deflate', text: 'permessage-deflate; client_max_window_bits' },
    { name: 'foo', text: 'Foo; bar="a, \\"b\\""; baz' },
    { name: 'x-webkit-deflate-frame', text: 'x-webkit-deflate-frame' },
  ]);
  assert.deepEqual(parseExtensions(undefined), []);
  assert.deepEqual(parseExtensions(''), []);
});

test('extensions with an unfinished quotation are none', () => {
  for (const value of ['a; b="c, d', 'a; b="c\\"', 'a; b="c\\', '"'.repeat(3)])
    assert.equal(parseExtensions(value), undefined);
});

test('lists of protocols are split at commas', () => {
  assert.deepEqual(listMembers('chat, superchat ,,mqtt'), ['chat', 'superchat', 'mqtt']);
  assert.deepEqual(listMembers(undefined), []);
});
