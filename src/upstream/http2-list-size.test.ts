// Tests of the size of request heads as HTTP/2 counts them, against what an endpoint says it takes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RequestStart } from '#wire/http2/client-session.ts';
import { listSizeError } from './http2-list-size.ts';

const start: RequestStart = {
  method: 'GET',
  scheme: 'https',
  authority: 'example.com',
  path: '/path',
  protocol: '',
  lines: '',
  contentLength: -1,
};

/** The size of the list: the least maximum that is not too small. */
function sizeOf(changes: Partial<RequestStart>): number {
  for (let size = 0; ; size++) if (!listSizeError({ ...start, ...changes }, size)) return size;
}

const PSEUDO = 4 * 32 + ':method'.length + 3 + ':scheme'.length + 5 + ':authority'.length + 11 + ':path'.length + 5;

test('RFC 9113 6.5.2: a list counts the octets of names and values, and 32 for each field', () => {
  assert.equal(sizeOf({}), PSEUDO);
  assert.equal(sizeOf({ lines: 'a: bc\r\nX-Empty:\r\n' }), PSEUDO + 32 + 3 + 32 + 7);
  assert.equal(sizeOf({ lines: 'a:  b c \r\n' }), PSEUDO + 32 + 4);
  assert.equal(sizeOf({ contentLength: 0 }), PSEUDO + 32 + 14 + 1);
  assert.equal(sizeOf({ protocol: 'websocket' }), PSEUDO + 32 + 9 + 9);
  assert.equal(sizeOf({ authority: '' }), PSEUDO - 32 - 10 - 11);
});

test('a list of the shortest fields there are is not taken for a smaller one', () => {
  const lines = 'a:\r\n'.repeat(1000);
  assert.equal(sizeOf({ lines }), PSEUDO + 1000 * 33);
});

test("what is too large for an endpoint is the client's to mend, and not worth another attempt", () => {
  const error = listSizeError(start, 100);
  assert.deepEqual([error?.side, error?.status, error?.retryable], ['client', 431, 'never']);
});
