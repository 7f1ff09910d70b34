// How endpoints are judged, with a clock that the test turns.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfiguration, referencesFor } from '#config/load.ts';
import { ManualClock } from '#lib/clock.ts';
import type { EndpointStatus } from '#memory/endpoint-table.ts';
import { HealthMonitor } from './health-monitor.ts';

/** A monitor of endpoints `a:1`, `b:1`, … without probes, whose timers run when `pass` turns the clock. */
function monitor(count: number, eject: string) {
  const clock = new ManualClock();
  const timers: { readonly at: number; readonly run: () => void }[] = [];
  const statuses = new Map<string, EndpointStatus>();
  const warnings: string[] = [];
  const endpoints = Array.from({ length: count }, (_, index) => `10.0.0.${index + 1}:80`);
  const { config } = parseConfiguration(
    `version: 1
listeners: { web: { address: '127.0.0.1:0' } }
routes: [{ match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: [${endpoints.map((name) => `'${name}'`).join(', ')}], eject: { ${eject} } } }`,
    referencesFor('.', {}),
  );
  const health = new HealthMonitor({
    clock,
    random: () => 0.5,
    timers: {
      set(run, delayMs) {
        const timer = { at: clock.now() + delayMs, run };
        timers.push(timer);
        return () => void timers.splice(timers.indexOf(timer), 1);
      },
    },
    log: { debug() {}, info() {}, error() {}, warn: (message) => void warnings.push(message) },
    probes: [],
    cells: (key) =>
      ({
        setStatus: (status: EndpointStatus) => void statuses.set(key, status),
        recordSuccess() {},
        markReady() {},
      }) as never,
  });
  health.watch(config, (name) => config.upstreams[name]?.endpoints ?? []);
  return {
    health,
    warnings,
    status: (index: number) => statuses.get(`endpoint:app/${endpoints[index]}`),
    fail: (index: number) => health.reportFailing('app', endpoints[index] ?? ''),
    drain: (index: number, on: boolean) => health.drain('app', endpoints[index] ?? '', on),
    pass(ms: number) {
      const end = clock.now() + ms;
      for (;;) {
        const next = timers.filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)[0];
        if (!next) break;
        timers.splice(timers.indexOf(next), 1);
        clock.advance(Math.max(0, next.at - clock.now()));
        next.run();
      }
      clock.advance(end - clock.now());
    },
  };
}

test('an ejected endpoint comes back when its time is over', () => {
  const { fail, status, pass, warnings } = monitor(2, 'time: 10s');
  fail(0);
  assert.equal(status(0), 'ejected');
  assert.deepEqual(warnings, ['endpoint is ejected']);
  pass(9_999);
  assert.equal(status(0), 'ejected');
  pass(1);
  assert.equal(status(0), 'unknown');
});

test('each further ejection lasts longer, up to the longest', () => {
  const { fail, status, pass } = monitor(2, 'time: 10s, max-time: 25s');
  for (const seconds of [10, 20, 25, 25]) {
    fail(0);
    pass(seconds * 1000 - 1);
    assert.equal(status(0), 'ejected', `${seconds} s`);
    pass(1);
    assert.equal(status(0), 'unknown', `${seconds} s`);
  }
});

test('an endpoint that has been well for the longest time begins anew', () => {
  const { fail, status, pass } = monitor(2, 'time: 10s, max-time: 25s');
  fail(0);
  pass(10_000);
  fail(0);
  pass(20_000);
  pass(25_001);
  fail(0);
  pass(10_000);
  assert.equal(status(0), 'unknown');
});

test('no more than the share is ejected at once, but one of two may be', () => {
  const { fail, status } = monitor(4, 'max-ejected: 50%');
  for (const index of [0, 1, 2]) fail(index);
  assert.deepEqual([0, 1, 2, 3].map(status), ['ejected', 'ejected', 'unknown', 'unknown']);
  const few = monitor(2, 'max-ejected: 10%');
  few.fail(0);
  few.fail(1);
  assert.deepEqual([few.status(0), few.status(1)], ['ejected', 'unknown']);
});

test('the only endpoint is never ejected', () => {
  const { fail, status } = monitor(1, 'max-ejected: 50%');
  fail(0);
  assert.equal(status(0), 'unknown');
});

test('draining stands over everything else, and ends when an operator says so', () => {
  const { fail, drain, status } = monitor(2, 'time: 10s');
  assert.equal(drain(0, true), true);
  assert.equal(status(0), 'draining');
  fail(0);
  assert.equal(status(0), 'draining');
  drain(0, false);
  assert.equal(status(0), 'ejected');
});
