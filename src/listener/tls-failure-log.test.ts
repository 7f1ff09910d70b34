// Log lines on failed handshakes: told once, and bounded whatever clients send.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#lib/clock.ts';
import type { LogFields } from '#lib/log.ts';
import { TlsFailureLog } from './tls-failure-log.ts';

function setUp() {
  const clock = new ManualClock();
  const lines: (LogFields & { readonly level: string })[] = [];
  const level =
    (name: string) =>
    (_message: string, fields: LogFields = {}) =>
      void lines.push({ level: name, ...fields });
  const log = { debug: level('debug'), info: level('info'), warn: level('warn'), error: level('error') };
  const failures = new TlsFailureLog('web', log, clock);
  const fail = (serverName: string, kind: 'unknown-name' | 'closed' = 'unknown-name') =>
    failures.add({ kind, reason: 'why', serverName, client: '192.0.2.1' });
  return { clock, lines, fail };
}

test('those alike are told once a minute, with how many there were in between', () => {
  const { clock, lines, fail } = setUp();
  for (let i = 0; i < 5; i++) fail('a.test');
  fail('b.test');
  clock.advance(60_000);
  fail('a.test');
  assert.deepEqual(
    lines.map(({ name, more }) => [name, more]),
    [
      ['a.test', undefined],
      ['b.test', undefined],
      ['a.test', 4],
    ],
  );
});

test('what nobody here can mend is told to those who look closely', () => {
  const { lines, fail } = setUp();
  fail('', 'closed');
  fail('a.test');
  assert.deepEqual(
    lines.map(({ level, kind }) => [level, kind]),
    [
      ['debug', 'closed'],
      ['warn', 'unknown-name'],
    ],
  );
});

test('a client that asks for one name after the other does not fill the log', () => {
  const { clock, lines, fail } = setUp();
  for (let i = 0; i < 5000; i++) fail(`${i}.test`);
  assert.equal(lines.length, 1001);
  clock.advance(60_000);
  fail('again.test');
  fail('again-2.test');
  assert.deepEqual(
    lines.slice(1001).map(({ name, more }) => [name, more]),
    [
      ['again.test', 3999],
      ['again-2.test', undefined],
    ],
  );
});
