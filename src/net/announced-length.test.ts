// Content and the length that was announced for it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AnnouncedLength } from './announced-length.ts';

test('content of the announced length is right, in whatever pieces', () => {
  const length = new AnnouncedLength(5);
  assert.deepEqual([length.take(2), length.take(0), length.take(3), length.end()], Array(4).fill(undefined));
});

test('an octet more than announced is an error, and so is one less', () => {
  const length = new AnnouncedLength(5);
  assert.equal(length.take(4), undefined);
  assert.equal(length.take(2)?.code, 'http_protocol_error');
  assert.equal(length.end()?.code, 'http_response_incomplete');
});

test('without an announced length there is neither', () => {
  const length = new AnnouncedLength(-1);
  assert.deepEqual([length.take(1e12), length.end()], [undefined, undefined]);
});
