// The waiting room of an upstream that sleeps: who is let go when, and how often it asks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#lib/clock.ts';
import { ManualTimers } from '#lib/manual-timers.ts';
import { EndpointCells } from '#memory/endpoint-table.ts';
import type { Exchange } from '#model/exchange.ts';
import { ProxyError } from '#model/proxy-error.ts';
import { createTestExchange } from '#model/testing.ts';
import type { Endpoint, Upstream } from '#model/upstream.ts';
import { CELL } from '#telemetry/series.ts';
import { WaitingRoom } from './wake-up.ts';

const endpoint = () =>
  ({
    name: 'a',
    weight: 1,
    priority: 0,
    zone: '',
    cells: new EndpointCells(new Int32Array(16), new Int32Array(1), 0),
  }) as unknown as Endpoint;

function setUp(maxWaiting = 10) {
  const clock = new ManualClock();
  const series = new Float64Array(48);
  const upstream = {
    name: 'app',
    endpoints: [],
    balancer: {},
    epoch: () => 1,
    series,
    grouping: { panicThreshold: 0, overflow: 0.7, zone: '', slowStart: undefined, sleeps: true },
  } as unknown as Upstream;
  const said: string[] = [];
  const timers = new ManualTimers(clock);
  const room = new WaitingRoom(
    { timeoutMs: 5000, maxWaiting },
    {
      clock,
      random: () => 0,
      ask: () => said.push('ask'),
      timers,
    },
  );
  const advance = (ms: number): void => timers.pass(ms);
  const hold = (name: string, exchange: Exchange = createTestExchange()) =>
    room.hold(upstream, {
      exchange,
      resume: () => said.push(name),
      fail: (error) => said.push(`${name} ${error.code}`),
    });
  return { upstream, series, said, advance, hold, timers: () => timers.pending };
}

test('all that wait are let go in their order when an endpoint is usable, and the room is quiet then', () => {
  const { upstream, said, advance, hold, timers, series } = setUp();
  for (const name of ['one', 'two']) hold(name);
  assert.equal(series[CELL.waiting], 2);
  advance(500);
  assert.deepEqual(said, ['ask']);
  upstream.endpoints = [endpoint()];
  advance(30);
  assert.deepEqual(said, ['ask', 'one', 'two']);
  assert.equal(series[CELL.waiting], 0);
  assert.equal(timers(), 0);
});

test('whoever has waited long enough fails, and those behind wait on', () => {
  const { said, advance, hold } = setUp();
  hold('one');
  advance(3000);
  hold('two');
  advance(2020);
  assert.deepEqual(
    said.filter((word) => word !== 'ask'),
    ['one upstream-waking'],
  );
});

test('it asks once a second while somebody waits', () => {
  const { said, advance, hold } = setUp();
  hold('one');
  hold('two');
  advance(3100);
  assert.deepEqual(said, ['ask', 'ask', 'ask', 'ask']);
});

test('one that leaves is not let go, and makes room', () => {
  const { upstream, said, advance, hold } = setUp(1);
  const held = hold('one');
  assert.ok(!(held instanceof ProxyError));
  assert.ok(hold('two') instanceof ProxyError);
  held.cancel(new ProxyError('client-closed'));
  held.cancel(new ProxyError('client-closed'));
  assert.ok(!(hold('three') instanceof ProxyError));
  upstream.endpoints = [endpoint()];
  advance(30);
  assert.deepEqual(said, ['ask', 'three']);
});

test('an exchange does not wait a second time', () => {
  const { upstream, advance, hold } = setUp();
  const exchange = createTestExchange();
  hold('one', exchange);
  upstream.endpoints = [endpoint()];
  advance(30);
  const again = hold('one', exchange);
  assert.ok(again instanceof ProxyError);
  assert.equal(again.code, 'upstream-waking');
});

test('however often somebody comes and leaves, one timer looks', () => {
  const { advance, hold, timers, upstream } = setUp();
  for (let turn = 0; turn < 100; turn++) {
    const held = hold('one');
    assert.ok(!(held instanceof ProxyError));
    held.cancel(new ProxyError('client-closed'));
  }
  hold('two');
  assert.equal(timers(), 1);
  advance(1000);
  assert.equal(timers(), 1);
  upstream.endpoints = [endpoint()];
  advance(20);
  assert.equal(timers(), 0);
});
