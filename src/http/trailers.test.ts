// Trailers: what is never passed on, and what a policy decided about a field.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fields } from './fields.ts';
import { safeTrailers, withoutTouched } from './trailers.ts';

test('RFC 9110 6.5.1: fields that route, authenticate or describe the content are dropped from trailers', () => {
  const lines = ['Authorization: x', 'Content-Type: y', 'Cookie: a=b', 'Set-Cookie: a=b', 'X-Sum: 1', 'Host: evil'];
  assert.equal(safeTrailers(lines.map((line) => `${line}\r\n`).join('')), 'X-Sum: 1\r\n');
});

test('RFC 9110 6.5.1: credentials and conditions of requests are dropped from trailers', () => {
  const conditions = ['If-Match', 'If-None-Match', 'If-Modified-Since', 'If-Unmodified-Since', 'If-Range'];
  const lines = ['Proxy-Authorization', 'Pragma', ...conditions, 'ETag', 'Authentication-Info'];
  assert.equal(safeTrailers(lines.map((name) => `${name}: x\r\n`).join('')), 'ETag: x\r\nAuthentication-Info: x\r\n');
});

test('what only a gateway may tell is dropped from trailers, however it is spelt', () => {
  const lines = ['X-Forwarded-For: 1.2.3.4', 'x_forwarded_for: 1.2.3.4', 'Forwarded: for=x', 'Via: 1.1 x', 'Proxy: x'];
  assert.equal(safeTrailers(lines.map((line) => `${line}\r\n`).join('')), '');
});

test('names with underscores pass, unless they pass for what does not', () => {
  assert.equal(safeTrailers('x_sum: 1\r\nSet_Cookie: a=b\r\ncontent_type: x\r\n'), 'x_sum: 1\r\n');
});

test('a field that was set or removed in the head is dropped from the trailers', () => {
  const head = Fields.from([['x-user', 'mallory']]);
  head.remove('x-user');
  head.set('x-role', 'none');
  const trailers = new Fields('X-User: admin\r\nx_user: admin\r\nX-ROLE: admin\r\nX-Sum: 1\r\n');
  assert.equal(withoutTouched(trailers, head), 'X-Sum: 1\r\n');
});

test('a head that nobody touched lets trailers pass', () => {
  const trailers = new Fields('X-Sum: 1\r\n');
  assert.equal(withoutTouched(trailers, Fields.from([['x-sum', '0']])), 'X-Sum: 1\r\n');
});
