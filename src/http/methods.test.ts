// What the standard methods promise.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isIdempotent, isSafe } from './methods.ts';

test('RFC 9110 9.2.1: GET, HEAD, OPTIONS and TRACE are safe, others are not', () => {
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'TRACE']) assert.equal(isSafe(method), true, method);
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'CONNECT', 'PURGE', '']) assert.equal(isSafe(method), false);
});

test('RFC 9110 9.2.2: safe methods, PUT and DELETE are idempotent, others are not', () => {
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']) assert.equal(isIdempotent(method), true);
  for (const method of ['POST', 'PATCH', 'CONNECT', 'PURGE', '']) assert.equal(isIdempotent(method), false, method);
});

test('RFC 9110 9.1: methods are case-sensitive', () => {
  assert.equal(isSafe('get'), false);
  assert.equal(isIdempotent('Put'), false);
});
