// When a connection is asked for a sign of life, and when it is dead.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#lib/clock.ts';
import { Deadlines } from '#lib/deadlines.ts';
import { Http2Pulse } from './http2-pulse.ts';

const SWEEP_MS = 10;

function watched(pingIntervalMs: number | undefined) {
  const clock = new ManualClock();
  const deadlines = new Deadlines(clock, SWEEP_MS);
  const told: string[] = [];
  const owner = { ping: () => void told.push('ping'), isDead: () => void told.push('dead') };
  const pulse = new Http2Pulse(owner, deadlines, () => ({ pingIntervalMs, pingTimeoutMs: 100 }));
  pulse.start();
  /** Lets time pass; every so often `meanwhile` is called. */
  const pass = (ms: number, meanwhile = () => {}) => {
    for (let passed = 0; passed < ms; passed += SWEEP_MS) {
      clock.advance(SWEEP_MS);
      meanwhile();
      deadlines.sweep();
    }
  };
  return { pulse, told, pass };
}

test('without an interval a connection is asked on suspicion only', () => {
  const { pulse, told, pass } = watched(undefined);
  pass(10_000);
  assert.deepEqual(told, []);
  pulse.suspect();
  pulse.suspect();
  assert.deepEqual(told, ['ping']);
  pass(200);
  assert.deepEqual(told, ['ping', 'dead']);
});

test('anything that comes after the question is an answer', () => {
  const { pulse, told, pass } = watched(undefined);
  pulse.suspect();
  pass(50, () => pulse.heard());
  pass(10_000);
  assert.deepEqual(told, ['ping']);
  pulse.suspect();
  assert.deepEqual(told, ['ping', 'ping']);
});

test('with an interval it is asked when nothing has come for so long', () => {
  const { pulse, told, pass } = watched(1000);
  pass(5000, () => pulse.heard());
  assert.deepEqual(told, []);
  pass(2500);
  assert.deepEqual(told, ['ping', 'dead']);
});

test('what came before the question is no answer', () => {
  const { pulse, told, pass } = watched(undefined);
  pulse.heard();
  pulse.suspect();
  pass(200);
  assert.deepEqual(told, ['ping', 'dead']);
});

test('a connection that is gone is asked no more', () => {
  const { pulse, told, pass } = watched(1000);
  pulse.stop();
  pass(5000);
  assert.deepEqual(told, []);
});
