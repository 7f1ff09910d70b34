// Changes in quick succession become one, and endpoints that vanish are held where that is wished.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#lib/clock.ts';
import { DampedEndpoints, type Damping } from './damped-endpoints.ts';

/** Endpoints of this machine by their ports. */
const at = (...ports: readonly number[]) =>
  ports.map((port) => ({ host: '127.0.0.1', port, socketPath: '', weight: 1 }));

/** A damping whose time is turned by hand; `changes` are the ports in use after each change. */
function start(damping: Damping) {
  const clock = new ManualClock();
  const timers = new Map<() => void, number>();
  const changes: string[] = [];
  const host = {
    now: () => clock.now(),
    setTimer(callback: () => void, delayMs: number) {
      timers.set(callback, clock.now() + delayMs);
      return () => void timers.delete(callback);
    },
  };
  const endpoints = new DampedEndpoints(damping, host, () => {
    changes.push(endpoints.current.map(({ port }) => port).join(' '));
  });
  const advance = (ms: number) => {
    const end = clock.now() + ms;
    for (;;) {
      const [next] = [...timers].filter(([, due]) => due <= end).sort(([, a], [, b]) => a - b);
      if (!next) break;
      timers.delete(next[0]);
      clock.advance(next[1] - clock.now());
      next[0]();
    }
    clock.advance(end - clock.now());
  };
  return { endpoints, changes, advance, timers };
}

test('a change after a quiet time is in use at once, those that follow together when it is time', () => {
  const { endpoints, changes, advance } = start({ throttleMs: 1000, holdMs: 0 });
  endpoints.offer(at(1));
  assert.deepEqual(changes, ['1']);
  advance(300);
  endpoints.offer(at(1, 2));
  endpoints.offer(at(1, 2, 3));
  advance(699);
  assert.deepEqual(changes, ['1']);
  advance(1);
  assert.deepEqual(changes, ['1', '1 2 3']);
});

test('endpoints that change all the time are updated once in the time of the throttle', () => {
  const { endpoints, changes, advance } = start({ throttleMs: 1000, holdMs: 0 });
  for (let turn = 0; turn < 1000; turn++) {
    endpoints.offer(at(1, 2 + turn));
    advance(10);
  }
  // At the beginning, and after each of ten seconds.
  assert.equal(changes.length, 11);
});

test('what is as before when it is time is no change', () => {
  const { endpoints, changes, advance, timers } = start({ throttleMs: 1000, holdMs: 0 });
  endpoints.offer(at(1));
  endpoints.offer(at(1, 2));
  endpoints.offer(at(1));
  advance(5000);
  assert.deepEqual(changes, ['1']);
  assert.equal(timers.size, 0);
});

test('the first answer of a resolver does not wait', () => {
  const { endpoints, changes } = start({ throttleMs: 1000, holdMs: 0 });
  endpoints.offer(at(1));
  endpoints.offerFirst(at(1, 2));
  assert.deepEqual(changes, ['1', '1 2']);
});

test('an endpoint that vanishes is held, and is not missed when it comes back', () => {
  const { endpoints, changes, advance, timers } = start({ throttleMs: 1000, holdMs: 30_000 });
  endpoints.offer(at(1, 2));
  advance(10_000);
  endpoints.offer(at(1));
  advance(29_000);
  endpoints.offer(at(1, 2));
  advance(60_000);
  assert.deepEqual(changes, ['1 2']);
  assert.equal(timers.size, 0);
});

test('an endpoint that stays away is gone when the hold is over', () => {
  const { endpoints, changes, advance } = start({ throttleMs: 1000, holdMs: 30_000 });
  endpoints.offer(at(1, 2));
  advance(10_000);
  endpoints.offer(at(2));
  advance(5000);
  endpoints.offer(at(2, 3));
  assert.deepEqual(changes, ['1 2', '1 2 3']);
  advance(24_999);
  assert.deepEqual(changes, ['1 2', '1 2 3']);
  advance(1);
  assert.deepEqual(changes, ['1 2', '1 2 3', '2 3']);
});

test('an endpoint that comes and goes before it is in use is not held', () => {
  const { endpoints, changes, advance } = start({ throttleMs: 1000, holdMs: 30_000 });
  endpoints.offer(at(1));
  endpoints.offer(at(1, 2));
  endpoints.offer(at(1));
  advance(60_000);
  assert.deepEqual(changes, ['1']);
});

test('what is stopped changes nothing more', () => {
  const { endpoints, changes, advance } = start({ throttleMs: 1000, holdMs: 0 });
  endpoints.offer(at(1));
  endpoints.offer(at(2));
  endpoints.stop();
  advance(5000);
  assert.deepEqual(changes, ['1']);
});
