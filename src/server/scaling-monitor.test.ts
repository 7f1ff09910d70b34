// What autoscalers are told, with shared memory that the test writes as workers do, and a clock that it turns.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seriesKey } from '#config/compile-host.ts';
import { parseConfiguration, referencesFor } from '#config/load.ts';
import { ManualClock } from '#lib/clock.ts';
import { openEndpoint } from '#memory/endpoint-table.ts';
import { openSeries } from '#memory/series-table.ts';
import { countExchange, countWaiting } from '#telemetry/series.ts';
import { ScalingMonitor } from './scaling-monitor.ts';
import { SharedMemory } from './shared-memory.ts';

const ENDPOINTS = ['10.0.0.1:80', '10.0.0.2:80', '10.0.0.3:80'];

function setUp(scaling: string) {
  const { config } = parseConfiguration(
    `version: 1
listeners: { web: { address: '127.0.0.1:0' } }
upstreams: { app: { endpoints: [${ENDPOINTS.map((name) => `'${name}'`).join(', ')}], ${scaling} } }`,
    referencesFor('.', {}),
  );
  const memory = new SharedMemory(1, new ManualClock());
  const found = { app: config.upstreams.app?.endpoints ?? [] };
  const layout = memory.allot(config, found);
  let next: () => void = () => {};
  const timers = {
    set(callback: () => void) {
      next = callback;
      return () => {};
    },
  };
  const monitor = new ScalingMonitor({ timers, view: () => ({ config, found, memory }) });
  const slots = (key: string) => layout.slots.get(key) ?? { endpoint: -1, series: -1 };
  const series = (key: string) => openSeries(layout.series.segments, 0, slots(key).series);
  const cells = (name: string) => openEndpoint(layout.endpoints, 0, slots(seriesKey.endpoint('app', name)).endpoint);
  monitor.start();
  return {
    signal: () => {
      const signal = monitor.signal('app');
      assert.ok(signal);
      return signal;
    },
    monitor,
    upstream: series(seriesKey.upstream('app')),
    endpoint: series(seriesKey.endpoint('app', ENDPOINTS[0] as string)),
    begin: (count: number) => {
      for (let i = 0; i < count; i++) cells(ENDPOINTS[i % 3] as string).begin();
    },
    end: (count: number) => {
      for (let i = 0; i < count; i++) cells(ENDPOINTS[i % 3] as string).end();
    },
    setDown: (name: string) => memory.cells(seriesKey.endpoint('app', name))?.setStatus('unhealthy'),
    pass: (seconds: number) => {
      for (let i = 0; i < seconds; i++) next();
    },
  };
}

const SCALING = 'scaling: { target-in-flight: 10, min: 1, max: 20, window: 10s }';

test('load in flight and load that waits are told apart, and both count', () => {
  const { signal, begin, endpoint, upstream, pass } = setUp(SCALING);
  begin(60);
  // Five of the sixty wait for a connection, and two more for the upstream to wake up.
  for (let i = 0; i < 5; i++) countWaiting(endpoint, 1);
  for (let i = 0; i < 2; i++) countWaiting(upstream, 1);
  pass(10);
  const { inFlight, waiting, desired } = signal();
  assert.deepEqual({ inFlight, waiting, desired }, { inFlight: 55, waiting: 7, desired: 7 });
});

test('capacity is that of the endpoints that take requests', () => {
  const { signal, setDown } = setUp(SCALING);
  assert.deepEqual([signal().capacity, signal().endpoints], [30, { listed: 3, usable: 3 }]);
  setDown('10.0.0.2:80');
  assert.deepEqual([signal().capacity, signal().endpoints], [20, { listed: 3, usable: 2 }]);
});

test('until a whole window is known nobody is sent home, but more may be asked for', () => {
  const { signal, begin, end, pass } = setUp(SCALING);
  assert.equal(signal().desired, 3);
  begin(90);
  pass(1);
  assert.equal(signal().desired, 9);
  end(90);
  pass(20);
  assert.equal(signal().desired, 1);
});

test('latencies are those of the window', () => {
  const { signal, upstream, pass } = setUp(SCALING);
  assert.deepEqual(signal().latencyMs, { p50: null, p90: null });
  for (let i = 0; i < 100; i++) countExchange(upstream, 200, 0, 0, i < 80 ? 8 : 80);
  const { p50, p90 } = signal().latencyMs;
  assert.ok(p50 !== null && p50 > 5 && p50 <= 10, `${p50}`);
  assert.ok(p90 !== null && p90 > 50 && p90 <= 100, `${p90}`);
  pass(20);
  assert.deepEqual(signal().latencyMs, { p50: null, p90: null });
});

test('without the option only what is measured is told, and of an unknown upstream nothing', () => {
  const { signal, monitor } = setUp('retry: {}');
  assert.deepEqual([signal().capacity, signal().desired], [null, null]);
  assert.equal(monitor.signal('other'), undefined);
});
