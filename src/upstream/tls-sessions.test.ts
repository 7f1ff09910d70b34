// Which session a new connection continues.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TlsSessions } from './tls-sessions.ts';

const session = (name: number) => Buffer.of(name);

test('without a session there is none to continue', () => {
  assert.equal(new TlsSessions().take(), undefined);
});

test('each session is given once, the newest first, and the last one as often as it is asked for', () => {
  const sessions = new TlsSessions();
  for (const name of [1, 2, 3]) sessions.keep(session(name));
  assert.deepEqual(
    Array.from({ length: 5 }, () => sessions.take()?.[0]),
    [3, 2, 1, 1, 1],
  );
});

test('no more than eight are kept, the newest of them', () => {
  const sessions = new TlsSessions();
  for (let name = 1; name <= 20; name++) sessions.keep(session(name));
  assert.deepEqual(
    Array.from({ length: 9 }, () => sessions.take()?.[0]),
    [20, 19, 18, 17, 16, 15, 14, 13, 13],
  );
});
