// Who gets requests: health, panic, priorities, zones and slow starts, each alone and together.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EndpointCells, type EndpointStatus } from '#memory/endpoint-table.ts';
import type { Endpoint, GroupingSettings } from '#model/upstream.ts';
import { groupEndpoints } from './endpoint-groups.ts';

const NOW = 1_800_000_000_000;
const RULES: GroupingSettings = {
  panicThreshold: 0.5,
  overflow: 0.7,
  zone: '',
  slowStart: undefined,
  sleeps: false,
};

interface Given {
  readonly status?: EndpointStatus;
  readonly weight?: number;
  readonly priority?: number;
  readonly zone?: string;
  /** Milliseconds since it became usable. */
  readonly readyForMs?: number;
}

function endpoints(...given: readonly Given[]): readonly Endpoint[] {
  return given.map(({ status = 'healthy', weight = 1, priority = 0, zone = '', readyForMs }, i) => {
    const cells = new EndpointCells(new Int32Array(16), new Int32Array(1), 0);
    if (readyForMs !== undefined) cells.markReady(NOW - readyForMs);
    cells.setStatus(status);
    return { name: `e${i}`, weight, priority, zone, cells } as unknown as Endpoint;
  });
}

/** Groups as text: `0.67 e0 e1 | 0.33 e2`. */
function grouped(list: readonly Endpoint[], rules: Partial<GroupingSettings> = {}): string {
  return groupEndpoints(list, { ...RULES, ...rules }, NOW)
    .groups.map(({ share, endpoints: members }) => `${share.toFixed(2)} ${members.map(({ name }) => name).join(' ')}`)
    .join(' | ');
}

const down: Given = { status: 'unhealthy' };

test('endpoints that are unhealthy, ejected, draining or without weight get nothing', () => {
  const list = endpoints({}, { status: 'unknown' }, {}, {}, down, { status: 'draining' }, { weight: 0 });
  assert.equal(grouped(list), '1.00 e0 e1 e2 e3');
  assert.equal(grouped(endpoints({}, {}, {}, { status: 'ejected' })), '1.00 e0 e1 e2');
});

test('below the panic threshold health is ignored, but not draining', () => {
  assert.equal(grouped(endpoints({}, {}, down, down)), '1.00 e0 e1');
  assert.equal(grouped(endpoints({}, down, down, { status: 'draining' })), '1.00 e0 e1 e2');
  assert.equal(grouped(endpoints({}, down, down), { panicThreshold: 0 }), '1.00 e0');
});

test('an endpoint that warms up gets nothing, and is missed by neither panic, priority nor zone', () => {
  const warming: Given = { status: 'warming' };
  assert.equal(grouped(endpoints({}, warming, warming, warming)), '1.00 e0');
  assert.equal(grouped(endpoints({}, warming, { priority: 1 })), '1.00 e0');
  assert.equal(grouped(endpoints({ zone: 'a' }, { ...warming, zone: 'a' }, { zone: 'b' }), { zone: 'a' }), '1.00 e0');
});

test('in panic an endpoint that warms up is tried like any other, also where there are no others', () => {
  const warming: Given = { status: 'warming' };
  assert.equal(grouped(endpoints({}, down, down, warming)), '1.00 e0 e1 e2 e3');
  assert.equal(grouped(endpoints(warming, warming)), '1.00 e0 e1');
  assert.equal(grouped(endpoints(warming, warming), { panicThreshold: 0 }), '');
});

test('with nobody left there is no group', () => {
  assert.equal(grouped([]), '');
  assert.equal(grouped(endpoints(down, down), { panicThreshold: 0 }), '');
  assert.equal(grouped(endpoints({ status: 'draining' })), '');
});

test('the next priority gets nothing while the first carries all', () => {
  const spare: Given = { priority: 1 };
  assert.equal(grouped(endpoints({}, {}, {}, {}, spare)), '1.00 e0 e1 e2 e3');
  assert.equal(grouped(endpoints({}, {}, {}, down, spare)), '1.00 e0 e1 e2');
});

test('a priority that falls below the overflow passes on what it lacks', () => {
  const spare: Given = { priority: 1 };
  // Half of 70 %: it carries 71 % of the requests.
  assert.equal(grouped(endpoints({}, {}, down, down, spare)), '0.71 e0 e1 | 0.29 e4');
  assert.equal(grouped(endpoints({}, {}, down, down, spare), { overflow: 1 }), '0.50 e0 e1 | 0.50 e4');
});

test('a spare takes all when the first priority is gone, and nobody panics', () => {
  assert.equal(grouped(endpoints(down, down, down, { priority: 1 })), '1.00 e3');
  assert.equal(grouped(endpoints(down, down, { priority: 1 }), { overflow: 0 }), '1.00 e2');
});

test('with an overflow of 0 a priority carries all as long as one endpoint of it is left', () => {
  assert.equal(grouped(endpoints({}, down, down, { priority: 1 }), { overflow: 0 }), '1.00 e0');
});

test('what no priority carries is shared in proportion', () => {
  // 36 % and 36 % of what the levels would carry whole.
  const list = endpoints({}, down, down, down, { priority: 1 }, { priority: 1, ...down }, { priority: 1, ...down });
  assert.equal(grouped(list, { panicThreshold: 0 }), '0.43 e0 | 0.57 e4');
});

test('the own zone gets all it can carry, others what it lacks', () => {
  const here: Given = { zone: 'a' };
  const there: Given = { zone: 'b' };
  assert.equal(grouped(endpoints(here, here, there), { zone: 'a' }), '1.00 e0 e1');
  assert.equal(grouped(endpoints(here, { ...here, ...down }, there, there), { zone: 'a' }), '0.71 e0 | 0.29 e2 e3');
  assert.equal(grouped(endpoints({ ...here, ...down }, there), { zone: 'a' }), '1.00 e1');
  assert.equal(grouped(endpoints(there, there), { zone: 'a' }), '1.00 e0 e1');
  assert.equal(grouped(endpoints(here, there)), '1.00 e0 e1');
});

test('a zone is preferred within a priority, not over it', () => {
  const list = endpoints({ zone: 'b' }, { zone: 'a', priority: 1 });
  assert.equal(grouped(list, { zone: 'a' }), '1.00 e0');
});

const SLOW = { timeMs: 10_000, exponent: 1 };

function weights(list: readonly Endpoint[], slowStart: GroupingSettings['slowStart']): readonly number[] {
  return groupEndpoints(list, { ...RULES, slowStart }, NOW).groups.flatMap((group) =>
    group.endpoints.map(({ weight }) => Math.round(weight * 100) / 100),
  );
}

test('the weight of an endpoint grows over the slow start', () => {
  const list = endpoints({}, { readyForMs: 0 }, { readyForMs: 5024 }, { readyForMs: 9984 }, { readyForMs: 20_000 });
  assert.deepEqual(weights(list, SLOW), [1, 0.05, 0.5, 1, 1]);
  assert.deepEqual(weights(list, undefined), [1, 1, 1, 1, 1]);
});

test('an aggressive slow start has half of the weight after a quarter of the time', () => {
  assert.deepEqual(weights(endpoints({ readyForMs: 2496, weight: 4 }), { timeMs: 10_000, exponent: 0.5 }), [2]);
});

test('while weights grow the grouping is for a short time, and then for good', () => {
  const until = (given: Given) => groupEndpoints(endpoints(given), { ...RULES, slowStart: SLOW }, NOW).validUntil;
  assert.equal(until({ readyForMs: 1000 }), NOW + 200);
  assert.equal(until({ readyForMs: 11_000 }), Number.POSITIVE_INFINITY);
});

test('with nobody well an upstream that sleeps has no group, and one that does not panics', () => {
  const list = endpoints(down, { status: 'ejected' });
  assert.equal(grouped(list), '1.00 e0 e1');
  assert.equal(grouped(list, { sleeps: true }), '');
  assert.equal(grouped(endpoints({}, down, down), { sleeps: true }), '1.00 e0 e1 e2');
});
