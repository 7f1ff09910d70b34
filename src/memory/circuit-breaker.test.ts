// The circuit breaker: when it opens, whom it lets through, when it closes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#lib/clock.ts';
import { CircuitBreaker, type CircuitSettings, type Passage } from './circuit-breaker.ts';

const SETTINGS: CircuitSettings = {
  windowMs: 10_000,
  minRequests: 10,
  failureShare: 0.5,
  slowShare: Number.POSITIVE_INFINITY,
  slowMs: 0,
  openMs: 32_000,
  trials: 3,
};

function setUp(settings: Partial<CircuitSettings> = {}) {
  const clock = new ManualClock();
  const cells = new Int32Array(16);
  const open = (more: Partial<CircuitSettings> = {}) =>
    new CircuitBreaker(cells, { ...SETTINGS, ...settings, ...more }, clock);
  const breaker = open();
  const changes: string[] = [];
  breaker.onChange = (state, reason) => changes.push(`${state}: ${reason}`);
  const requests = (count: number, ok: boolean, latencyMs = 1) => {
    for (let i = 0; i < count; i++) breaker.record(breaker.enter(), ok, latencyMs);
  };
  return { clock, breaker, changes, requests, open };
}

test('it opens when the share of failures is reached', () => {
  const { breaker, requests, changes } = setUp();
  requests(10, true);
  requests(9, false);
  assert.equal(breaker.state, 'closed');
  requests(1, false);
  assert.equal(breaker.state, 'open');
  assert.deepEqual(changes, ['open: 10 of 20 failed']);
  const { isOpen, waitMs } = breaker.enter();
  assert.ok(isOpen);
  assert.ok(waitMs > 31_000 && waitMs <= 32_000);
});

test('few requests say nothing', () => {
  const { breaker, requests } = setUp();
  requests(9, false);
  assert.equal(breaker.state, 'closed');
  requests(1, false);
  assert.equal(breaker.state, 'open');
});

test('failures that are a window old count no more', () => {
  const { breaker, requests, clock } = setUp();
  requests(9, false);
  clock.advance(10_000);
  requests(9, false);
  assert.equal(breaker.state, 'closed');
});

test('failures of the half window before still count', () => {
  const { breaker, requests, clock } = setUp();
  requests(5, false);
  clock.advance(5000);
  requests(5, false);
  assert.equal(breaker.state, 'open');
});

test('slow requests open it where that is configured, and nowhere else', () => {
  const slow = setUp({ slowShare: 0.5, slowMs: 100 });
  slow.requests(10, true, 101);
  assert.deepEqual(slow.changes, ['open: 10 of 10 were slow']);
  const not = setUp();
  not.requests(100, true, 1e6);
  assert.equal(not.breaker.state, 'closed');
});

test('outcomes that say nothing of the upstream do not count', () => {
  const { breaker } = setUp();
  for (let i = 0; i < 100; i++) breaker.record(breaker.enter(), undefined, 0);
  assert.equal(breaker.state, 'closed');
});

test('half-open lets so many trials through, and closes when all end well', () => {
  const { breaker, requests, clock, changes } = setUp();
  requests(10, false);
  clock.advance(32_000);
  assert.equal(breaker.state, 'half-open');
  const passages = [1, 2, 3, 4].map(() => breaker.enter());
  assert.deepEqual(
    passages.map(({ isOpen, trialOf }) => [isOpen, trialOf !== 0]),
    [
      [false, true],
      [false, true],
      [false, true],
      [true, false],
    ],
  );
  for (const passage of passages.slice(0, 3)) {
    assert.equal(breaker.state, 'half-open');
    breaker.record(passage, true, 1);
  }
  assert.equal(breaker.state, 'closed');
  assert.deepEqual(changes.slice(1), ['closed: 3 trials ended well']);
  // What failed before is forgotten.
  requests(9, false);
  assert.equal(breaker.state, 'closed');
});

test('one trial that fails opens it again for the whole time', () => {
  const { breaker, requests, clock } = setUp();
  requests(10, false);
  clock.advance(32_000);
  requests(1, true);
  requests(1, false);
  assert.equal(breaker.state, 'open');
  clock.advance(31_000);
  assert.equal(breaker.state, 'open');
  clock.advance(1000);
  requests(3, true);
  assert.equal(breaker.state, 'closed');
});

test('a trial that ends without saying anything gives its place back', () => {
  const { breaker, requests, clock } = setUp({ trials: 1 });
  requests(10, false);
  clock.advance(32_000);
  const passage = breaker.enter();
  assert.ok(passage.trialOf);
  assert.ok(breaker.enter().isOpen);
  breaker.record(passage, undefined, 0);
  assert.ok(breaker.enter().trialOf);
});

test('trials whose end nobody tells are given up after the time it is open', () => {
  const { breaker, requests, clock } = setUp({ trials: 1 });
  requests(10, false);
  clock.advance(32_000);
  assert.ok(breaker.enter().trialOf);
  clock.advance(32_000);
  assert.ok(breaker.enter().isOpen);
  clock.advance(100);
  assert.ok(breaker.enter().trialOf);
});

test('a trial that ends when all is decided changes nothing', () => {
  const { breaker, requests, clock, changes } = setUp({ trials: 1 });
  requests(10, false);
  clock.advance(32_000);
  const stuck = breaker.enter();
  clock.advance(32_100);
  requests(1, true);
  assert.equal(breaker.state, 'closed');
  breaker.record(stuck, false, 30_000);
  assert.equal(breaker.state, 'closed');
  assert.equal(changes.length, 2);
});

test('trials that fail together open it once, and for no longer', () => {
  const { breaker, requests, clock, changes } = setUp();
  requests(10, false);
  clock.advance(32_000);
  const [first, second, third] = [breaker.enter(), breaker.enter(), breaker.enter()];
  breaker.record(first, false, 1);
  clock.advance(16_000);
  breaker.record(second, false, 1);
  breaker.record(third, undefined, 1);
  assert.deepEqual(changes.slice(1), ['open: a trial failed']);
  clock.advance(16_000);
  assert.equal(breaker.state, 'half-open');
  const passages = [1, 2, 3, 4].map(() => breaker.enter());
  assert.equal(passages.filter(({ trialOf }) => trialOf).length, 3);
});

test('fewer trials than have ended well already, by a new configuration, close it at the next', () => {
  const { breaker, requests, clock, open } = setUp({ trials: 3 });
  requests(10, false);
  clock.advance(32_000);
  const passages = [1, 2, 3].map(() => breaker.enter());
  for (const passage of passages.slice(0, 2)) breaker.record(passage, true, 1);
  open({ trials: 2 }).record(passages[2] as Passage, true, 1);
  assert.equal(breaker.state, 'closed');
});

test('what one worker counts, all see', () => {
  const { requests, open } = setUp();
  requests(10, false);
  assert.equal(open().state, 'open');
});
