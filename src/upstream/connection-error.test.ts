// Which errors of a connection that never stood are an endpoint's.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectError } from './connection-error.ts';

const errorOf = (code: string) => connectError(Object.assign(new Error(code), { code }));

test('an endpoint that cannot be reached is to blame, and another one may be asked', () => {
  for (const code of ['ECONNREFUSED', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENOTFOUND', 'EOTHER']) {
    const { side, retryable } = errorOf(code);
    assert.deepEqual([code, side, retryable], [code, 'origin', 'always']);
  }
});

test('no endpoint is to blame when this machine has no more descriptors, memory or ports', () => {
  for (const code of ['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRINUSE']) {
    const { side, retryable, message } = errorOf(code);
    assert.deepEqual([side, retryable, message], ['self', 'never', `no socket: ${code}`]);
  }
});
