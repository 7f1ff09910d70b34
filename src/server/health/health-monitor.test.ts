// How endpoints are judged, with a clock that the test turns.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfiguration, referencesFor } from '#config/load.ts';
import { ManualClock } from '#lib/clock.ts';
import type { EndpointStatus } from '#memory/endpoint-table.ts';
import type { Probe, ProbeResult } from '#model/probe.ts';
import { CELL } from '#telemetry/series.ts';
import { HealthMonitor } from './health-monitor.ts';

/** All promises that can be kept without waiting have been. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A monitor of endpoints 10.0.0.1:80, 10.0.0.2:80, … of an upstream with `options`, whose timers run when `pass` turns the clock. */
function monitor(count: number, options: string, probe?: Probe) {
  const clock = new ManualClock();
  const timers: { readonly at: number; readonly run: () => void }[] = [];
  const statuses = new Map<string, EndpointStatus>();
  const counters = new Map<string, number>();
  const warnings: string[] = [];
  const nameOf = (index: number) => `10.0.0.${index + 1}:80`;
  const keyOf = (index: number) => `endpoint:app/${nameOf(index)}`;
  const configured = (endpoints: number) =>
    parseConfiguration(
      `version: 1
listeners: { web: { address: '127.0.0.1:0' } }
routes: [{ match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: [${Array.from({ length: endpoints }, (_, i) => `'${nameOf(i)}'`).join(', ')}], ${options} } }`,
      referencesFor('.', {}),
    ).config;
  const health = new HealthMonitor({
    clock,
    random: () => 0.5,
    timers: {
      set(run, delayMs) {
        const timer = { at: clock.now() + delayMs, run };
        timers.push(timer);
        return () => {
          const at = timers.indexOf(timer);
          if (at >= 0) timers.splice(at, 1);
        };
      },
    },
    log: { debug() {}, info() {}, error() {}, warn: (message) => void warnings.push(message) },
    createProbe: () => probe as Probe,
    read: (key, cell) => counters.get(`${key} ${cell}`) ?? 0,
    cells: (key) =>
      ({
        setStatus: (status: EndpointStatus) => void statuses.set(key, status),
        recordSuccess() {},
        markReady() {},
      }) as never,
  });
  const tell = (what: 'announce' | 'watch') => (endpoints: number) => {
    const config = configured(endpoints);
    health[what](config, (name) => config.upstreams[name]?.endpoints ?? []);
  };
  const [announce, watch] = [tell('announce'), tell('watch')];
  announce(count);
  watch(count);
  return {
    announce,
    watch,
    key: keyOf,
    told: (index: number) => health.healthOf(keyOf(index)),
    /** Lets an endpoint answer so many requests, with a latency of so many milliseconds, and fail so many. */
    count(index: number, successes: number, latencyMs: number, failures = 0) {
      const add = (cell: number, amount: number) => {
        const key = `${keyOf(index)} ${cell}`;
        counters.set(key, (counters.get(key) ?? 0) + amount);
      };
      add(CELL.attemptSuccesses, successes);
      add(CELL.attemptSeconds, (successes * latencyMs) / 1000);
      add(CELL.attemptFailures, failures);
    },
    health,
    warnings,
    status: (index: number) => statuses.get(keyOf(index)),
    fail: (index: number) => health.reportFailing('app', nameOf(index), 'timeout'),
    drain: (index: number, on: boolean) => health.drain('app', nameOf(index), on),
    /** Turns the clock; results of probes are taken in before it goes on. */
    async pass(ms: number) {
      const end = clock.now() + ms;
      for (;;) {
        await settled();
        const next = timers.filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)[0];
        if (!next) break;
        timers.splice(timers.indexOf(next), 1);
        clock.advance(Math.max(0, next.at - clock.now()));
        next.run();
      }
      clock.advance(end - clock.now());
      await settled();
    },
  };
}

test('an ejected endpoint comes back when its time is over', async () => {
  const { fail, status, pass, warnings } = monitor(2, 'eject: { time: 10s }');
  fail(0);
  assert.equal(status(0), 'ejected');
  assert.deepEqual(warnings, ['endpoint is ejected']);
  await pass(9_999);
  assert.equal(status(0), 'ejected');
  await pass(1);
  assert.equal(status(0), 'unknown');
});

test('each further ejection lasts longer, up to the longest', async () => {
  const { fail, status, pass } = monitor(2, 'eject: { time: 10s, max-time: 25s }');
  for (const seconds of [10, 20, 25, 25]) {
    fail(0);
    await pass(seconds * 1000 - 1);
    assert.equal(status(0), 'ejected', `${seconds} s`);
    await pass(1);
    assert.equal(status(0), 'unknown', `${seconds} s`);
  }
});

test('an endpoint that has been well for the longest time begins anew', async () => {
  const { fail, status, pass } = monitor(2, 'eject: { time: 10s, max-time: 25s }');
  fail(0);
  await pass(10_000);
  fail(0);
  await pass(20_000);
  await pass(25_001);
  fail(0);
  await pass(10_000);
  assert.equal(status(0), 'unknown');
});

test('no more than the share is ejected at once, but one of two may be', async () => {
  const { fail, status } = monitor(4, 'eject: { max-ejected: 50% }');
  for (const index of [0, 1, 2]) fail(index);
  assert.deepEqual([0, 1, 2, 3].map(status), ['ejected', 'ejected', 'unknown', 'unknown']);
  const few = monitor(2, 'eject: { max-ejected: 10% }');
  few.fail(0);
  few.fail(1);
  assert.deepEqual([few.status(0), few.status(1)], ['ejected', 'unknown']);
});

test('the only endpoint is never ejected', async () => {
  const { fail, status } = monitor(1, 'eject: { max-ejected: 50% }');
  fail(0);
  assert.equal(status(0), 'unknown');
});

test('draining stands over everything else, and ends when an operator says so', async () => {
  const { fail, drain, status } = monitor(2, 'eject: { time: 10s }');
  assert.equal(drain(0, true), true);
  assert.equal(status(0), 'draining');
  fail(0);
  assert.equal(status(0), 'draining');
  drain(0, false);
  assert.equal(status(0), 'ejected');
});

/** A probe that answers what it is told to, or nothing until its signal aborts. */
function scripted() {
  const state = { result: undefined as ProbeResult | undefined, underWay: 0, atOnce: 0, made: 0 };
  const probe: Probe = {
    async check(_target, signal) {
      state.made++;
      state.underWay++;
      state.atOnce = Math.max(state.atOnce, state.underWay);
      const silent = () =>
        new Promise<ProbeResult>((resolve) => {
          signal.addEventListener('abort', () => resolve({ healthy: false, reason: 'timeout' }));
        });
      const result = state.result ?? (await silent());
      state.underWay--;
      return result;
    },
  };
  return { probe, state };
}

const GOOD: ProbeResult = { healthy: true, reason: 'status 200' };
const BAD: ProbeResult = { healthy: false, reason: 'status 500' };
const PROBED = 'health: { type: tcp, interval: 10s, timeout: 2s, healthy: 2, unhealthy: 3';

test('a probe that is never answered takes its timeout, and none begins before it has ended', async () => {
  const { probe, state } = scripted();
  const { status, pass } = monitor(1, `${PROBED} }`, probe);
  await pass(1_999);
  assert.deepEqual([status(0), state.made, state.underWay], ['unknown', 1, 1]);
  await pass(1);
  assert.deepEqual([status(0), state.underWay], ['unhealthy', 0]);
  await pass(120_000);
  assert.deepEqual([state.made, state.atOnce], [11, 1]);
});

test('a probe is under way no longer when the endpoint is gone', async () => {
  const { probe, state } = scripted();
  const { watch, pass } = monitor(2, `${PROBED} }`, probe);
  await pass(1_000);
  assert.equal(state.underWay, 2);
  watch(1);
  await pass(0);
  assert.equal(state.underWay, 1);
});

test('a probe that fails in itself is a bad one', async () => {
  const { told, pass } = monitor(1, `${PROBED} }`, { check: () => Promise.reject(new Error('broken')) });
  await pass(0);
  assert.match(told(0)?.reason ?? '', /the probe itself failed: Error: broken/);
});

test('an endpoint found later must pass its probes in a row before it takes requests, where that is asked for', async () => {
  const { probe, state } = scripted();
  const { status, watch, pass, told } = monitor(1, `${PROBED}, initial: must-pass }`, probe);
  state.result = GOOD;
  assert.equal(status(0), 'unknown');
  await pass(0);
  watch(2);
  assert.deepEqual([status(0), status(1)], ['healthy', 'warming']);
  await pass(0);
  assert.equal(told(1)?.reason, 'probe: status 200');
  state.result = BAD;
  await pass(11_000);
  assert.deepEqual([status(1), told(1)?.reason], ['warming', 'probe: status 500']);
  state.result = GOOD;
  await pass(11_000);
  assert.equal(status(1), 'warming');
  await pass(11_000);
  assert.equal(status(1), 'healthy');
  const reasons = told(1)?.history.map((change) => `${change.status}: ${change.reason}`);
  assert.deepEqual(reasons, ['warming: must pass its probes first', 'healthy: probe: status 200']);
});

test('an endpoint that must pass its probes first is warming before any worker hears of it; those at the start are not', () => {
  const { status, announce } = monitor(1, `${PROBED}, initial: must-pass }`, scripted().probe);
  announce(3);
  assert.deepEqual([0, 1, 2].map(status), ['unknown', 'warming', 'warming']);
});

test('an endpoint that fails while it warms up is unhealthy, and then comes back like any other', async () => {
  const { probe, state } = scripted();
  const { status, watch, pass } = monitor(1, `${PROBED}, initial: must-pass }`, probe);
  state.result = BAD;
  watch(2);
  await pass(22_000);
  assert.equal(status(1), 'unhealthy');
  state.result = GOOD;
  await pass(11_000);
  assert.equal(status(1), 'unhealthy');
  await pass(11_000);
  assert.equal(status(1), 'healthy');
});

test('where nothing else is asked for, an endpoint found later takes requests at once', () => {
  const { status, watch } = monitor(1, `${PROBED} }`, scripted().probe);
  watch(2);
  assert.equal(status(1), 'unknown');
});

test('an endpoint whose success rate lies far below the others is ejected after the window, and comes back', async () => {
  const { count, status, told, pass } = monitor(5, 'eject: { time: 20s, success-rate: {} }');
  for (const index of [0, 1, 2, 3]) count(index, 200, 5);
  count(4, 100, 5, 100);
  await pass(9_999);
  assert.equal(status(4), 'unknown');
  await pass(1);
  assert.deepEqual([0, 1, 2, 3, 4].map(status), ['unknown', 'unknown', 'unknown', 'unknown', 'ejected']);
  assert.equal(
    told(4)?.reason,
    'success rate 50.0% of 200 requests; the 5 endpoints have 90.0% on average, and the least allowed is 52.0%',
  );
  assert.deepEqual(told(4)?.ejections, { consecutive: 0, 'success-rate': 1, latency: 0 });
  await pass(20_000);
  assert.equal(status(4), 'unknown');
});

test('an endpoint that is slower than the others by far is ejected, by what it did in the window alone', async () => {
  const { count, status, told, pass } = monitor(3, 'eject: { window: 5s, latency: { times: 4 } }');
  for (const index of [0, 1, 2]) count(index, 1000, 20);
  await pass(5_000);
  assert.equal(status(2), 'unknown');
  for (const index of [0, 1]) count(index, 100, 20);
  count(2, 100, 81);
  await pass(5_000);
  assert.deepEqual([0, 1, 2].map(status), ['unknown', 'unknown', 'ejected']);
  assert.equal(told(2)?.reason, '81 ms on average over 100 requests; the median of the other 2 endpoints is 20 ms');
});

test('outliers too are ejected up to the share only, the worst first', async () => {
  const { count, status, pass } = monitor(4, 'eject: { max-ejected: 25%, latency: {} }');
  for (const [index, latency] of [10, 10, 500, 900].entries()) count(index, 100, latency);
  await pass(10_000);
  assert.deepEqual([0, 1, 2, 3].map(status), ['unknown', 'unknown', 'unknown', 'ejected']);
});

test('an endpoint that was out when the window began is not judged by it', async () => {
  const { count, status, fail, pass } = monitor(3, 'eject: { time: 15s, max-time: 15s, latency: {} }');
  fail(2);
  await pass(15_000);
  for (const index of [0, 1]) count(index, 100, 10);
  count(2, 100, 500);
  await pass(5_000);
  assert.equal(status(2), 'unknown');
});

test('a failure in a row says which it was', () => {
  const { fail, told } = monitor(2, 'eject: { after: 7 }');
  fail(0);
  assert.equal(told(0)?.reason, '7 failures in a row, the last: timeout');
});
