// Peak EWMA: slow endpoints get less at once, and get their share back when they are fast again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#lib/clock.ts';
import { seededRandom } from '#lib/random.ts';
import { EndpointCells } from '#memory/endpoint-table.ts';
import { createTestExchange } from '#model/testing.ts';
import type { Endpoint } from '#model/upstream.ts';
import { leastResponseTime } from './least-response-time.ts';

const exchange = createTestExchange();

/** Three endpoints, a clock, and how to send requests that take as long as `latencies` says. */
function setUp(...weights: readonly number[]) {
  const clock = new ManualClock();
  const balancer = leastResponseTime.create(leastResponseTime.options.parse({ decay: '10s' }), {
    clock,
    random: seededRandom(11),
  });
  const endpoints = [0, 1, 2].map((i) => {
    const cells = new EndpointCells(new Int32Array(16), new Int32Array(1), 0);
    return { name: `e${i}`, weight: weights[i] ?? 1, cells } as unknown as Endpoint;
  });
  /** Shares of 1000 requests, one every 10 ms. */
  const run = (latencies: readonly number[], requests = 1000): readonly number[] => {
    const counts = [0, 0, 0];
    for (let i = 0; i < requests; i++) {
      const picked = balancer.pick(endpoints, exchange, []);
      const at = endpoints.indexOf(picked);
      counts[at] = (counts[at] ?? 0) + 1;
      clock.advance(10);
      balancer.observe?.(picked, latencies[at] ?? 0);
    }
    return counts.map((count) => count / requests);
  };
  return { run };
}

test('equal endpoints get equal shares', () => {
  for (const share of setUp().run([20, 20, 20], 6000)) assert.ok(Math.abs(share - 1 / 3) < 0.08, `${share}`);
});

test('a slow endpoint gets next to nothing', () => {
  const { run } = setUp();
  const [slow = 1] = run([500, 20, 20]);
  assert.ok(slow < 0.02, `${slow}`);
});

test('an endpoint that was slow for a while has its fair share back in bounded time', (t) => {
  const { run } = setUp();
  run([20, 20, 20]);
  run([2000, 20, 20], 500);
  let seconds = 0;
  for (let share = 0; share < 0.25; seconds += 5) {
    [share = 0] = run([20, 20, 20], 500);
    assert.ok(seconds < 120, 'it starves');
  }
  t.diagnostic(`after a peak of 2 s on 20 ms, with decay 10s: back to a fair share within ${seconds} s`);
});

test('an endpoint that stays slow is asked again and again: it never starves', (t) => {
  const { run } = setUp();
  let longest = 0;
  let waiting = 0;
  // Ten minutes in steps of a tenth of a second, the slow one a hundred times as slow as the others.
  for (let step = 0; step < 6000; step++) {
    const [share = 0] = run([2000, 20, 20], 10);
    waiting = share > 0 ? 0 : waiting + 0.1;
    longest = Math.max(longest, waiting);
  }
  // At the latest when its average has fallen from 2 s to 20 ms, after ln 100 times the decay; before that when no other is drawn.
  const theory = 10 * Math.log(100);
  t.diagnostic(
    `2 s against 20 ms, decay 10s: at the longest ${longest.toFixed(1)} s without a request; at most ${theory.toFixed(1)} s in theory`,
  );
  assert.ok(longest > 1, 'it is not slow enough to tell');
  assert.ok(longest < theory * 1.2, `${longest}`);
});

test('an attempt that fails counts as very slow', () => {
  const { run } = setUp();
  const [failing = 1] = run([-1, 20, 20]);
  assert.ok(failing < 0.02, `${failing}`);
});

test('endpoints that are equally fast get shares by their weights', () => {
  const shares = setUp(3, 1, 1).run([20, 20, 20], 6000);
  for (const [i, expected] of [0.6, 0.2, 0.2].entries())
    assert.ok(Math.abs((shares[i] ?? 0) - expected) < 0.1, shares.join(' '));
});
