// Which tunnels are told to go, and when: those to endpoints that drain or are gone, when their time is over.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#lib/clock.ts';
import { Deadlines } from '#lib/deadlines.ts';
import type { EndpointStatus } from '#memory/endpoint-table.ts';
import type { Endpoint } from '#model/upstream.ts';
import { Departures } from './departures.ts';

function setUp() {
  const clock = new ManualClock();
  const deadlines = new Deadlines(clock, 50);
  const statuses = new Map<string, EndpointStatus>([
    ['a', 'healthy'],
    ['b', 'healthy'],
  ]);
  const departures = new Departures(deadlines, (_upstream, name) => {
    const status = statuses.get(name);
    return status && ({ name, cells: { status } } as unknown as Endpoint);
  });
  const left: string[] = [];
  return {
    left,
    departures,
    stay: (endpoint: string, forMs: number) =>
      departures.add({ upstream: 'app', endpoint, forMs, leave: () => left.push(endpoint) }),
    become(endpoint: string, status: EndpointStatus | undefined) {
      if (status) statuses.set(endpoint, status);
      else statuses.delete(endpoint);
      departures.look();
    },
    pass(ms: number) {
      for (let i = 0; i < ms; i += 50) {
        clock.advance(50);
        deadlines.sweep();
      }
    },
  };
}

for (const status of ['draining', undefined] as const) {
  const what = status ? 'that drains' : 'that is gone';
  test(`tunnels to an endpoint ${what} leave when their time is over, and others stay`, () => {
    const { stay, become, pass, left } = setUp();
    stay('a', 1000);
    stay('b', 1000);
    pass(2000);
    become('a', status);
    pass(900);
    assert.deepEqual(left, []);
    pass(300);
    assert.deepEqual(left, ['a']);
  });

  test(`tunnels stay with an endpoint ${what} and comes back in time`, () => {
    const { stay, become, pass, left } = setUp();
    stay('a', 1000);
    become('a', status);
    pass(500);
    become('a', 'healthy');
    pass(5000);
    assert.deepEqual(left, []);
  });
}

test('the time goes on from when the endpoint was to be left, whatever else changes', () => {
  const { stay, become, pass, left } = setUp();
  stay('a', 1000);
  become('a', 'draining');
  pass(800);
  become('b', 'unhealthy');
  become('a', undefined);
  pass(400);
  assert.deepEqual(left, ['a']);
});

test('an endpoint that is unwell keeps its tunnels', () => {
  const { stay, become, pass, left } = setUp();
  stay('a', 1000);
  for (const status of ['unhealthy', 'ejected', 'warming'] as const) {
    become('a', status);
    pass(2000);
  }
  assert.deepEqual(left, []);
});

test('a tunnel that opens to an endpoint that drains already has its time too', () => {
  const { stay, become, pass, left } = setUp();
  become('a', 'draining');
  stay('a', 1000);
  pass(1200);
  assert.deepEqual(left, ['a']);
});

test('a tunnel that has ended is told nothing', () => {
  const { stay, become, pass, left } = setUp();
  const forget = stay('a', 1000);
  become('a', 'draining');
  forget();
  pass(2000);
  become('a', 'healthy');
  become('a', 'draining');
  pass(2000);
  assert.deepEqual(left, []);
});
