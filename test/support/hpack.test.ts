// Tests of the HPACK that tests use: what it writes it reads, and it reads what others wrote.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HpackReader, hpackBlock, hpackIndexed, hpackInteger, hpackLiteral, hpackTableSize } from './hpack.ts';

test('RFC 7541 C.1: integers', () => {
  assert.equal(hpackInteger(10, 5).toString('hex'), '0a');
  assert.equal(hpackInteger(1337, 5).toString('hex'), '1f9a0a');
  assert.equal(hpackInteger(42, 8).toString('hex'), '2a');
});

test('RFC 7541 C.4: three requests with Huffman coding and the dynamic table', () => {
  const reader = new HpackReader();
  const read = (hex: string) => reader.read(Buffer.from(hex, 'hex')).map(([name, value]) => `${name}: ${value}`);
  assert.deepEqual(read('828684418cf1e3c2e5f23a6ba0ab90f4ff'), [
    ':method: GET',
    ':scheme: http',
    ':path: /',
    ':authority: www.example.com',
  ]);
  assert.deepEqual(read('828684be5886a8eb10649cbf').slice(3), [
    ':authority: www.example.com',
    'cache-control: no-cache',
  ]);
  assert.deepEqual(read('828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf').slice(1), [
    ':scheme: https',
    ':path: /index.html',
    ':authority: www.example.com',
    'custom-key: custom-value',
  ]);
});

test('a block without tables is read as it was written', () => {
  const fields = [
    [':status', '200'],
    ['x-long', 'y'.repeat(300)],
  ] as const;
  assert.deepEqual(new HpackReader().read(hpackBlock(fields)), fields);
});

test('an entry is gone when the table has become too small for it', () => {
  const reader = new HpackReader();
  reader.read(hpackLiteral(['a', 'b'], 'kept'));
  assert.deepEqual(reader.read(hpackIndexed(62)), [['a', 'b']]);
  reader.read(hpackTableSize(10));
  assert.throws(() => reader.read(hpackIndexed(62)), /no entry 62/);
});
