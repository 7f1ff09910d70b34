// Everything composes: each balancer with weights, slow start, zones, priorities and bounded load, all at once and in every
// combination, does what each part promises.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { balancers } from '#balancers/index.ts';
import { ManualClock } from '#lib/clock.ts';
import { seededRandom } from '#lib/random.ts';
import { EndpointCells } from '#memory/endpoint-table.ts';
import { createTestExchange } from '#model/testing.ts';
import type { Endpoint, Upstream } from '#model/upstream.ts';
import { candidates } from './candidates.ts';

const FEATURES = ['weights', 'slow start', 'zone', 'priority', 'retry'] as const;
type Feature = (typeof FEATURES)[number];

const REQUESTS = 6000;
/** So many stay in flight: the balancers that look at loads need some. */
const IN_FLIGHT = 120;
const SLOW_MS = 60_000;

/** Every set of features. */
const combinations: readonly (readonly Feature[])[] = Array.from({ length: 2 ** FEATURES.length }, (_, bits) =>
  FEATURES.filter((_feature, i) => (bits >> i) % 2 === 1),
);

interface Setting {
  readonly upstream: Upstream;
  readonly clock: ManualClock;
  /** What each endpoint is to get of the requests. */
  readonly expected: readonly number[];
}

/**
 * Eight endpoints. With priorities, half of the first four are down, so that they carry 5/7 and the others 2/7. With zones, half of
 * the near ones are down with the same effect.
 */
function setUp(type: string, options: object, features: readonly Feature[]): Setting {
  const module = balancers.find((candidate) => candidate.type === type);
  assert.ok(module);
  const clock = new ManualClock();
  const has = (feature: Feature) => features.includes(feature);
  const endpoints = Array.from({ length: 8 }, (_, i): Endpoint => {
    const cells = new EndpointCells(new Int32Array(16), new Int32Array(1), 0);
    // Every second endpoint is half way through its start.
    if (has('slow start') && i % 2 === 1) cells.markReady(clock.wall() - SLOW_MS / 2);
    const isDown = (has('priority') && (i === 0 || i === 1)) || (has('zone') && (i === 3 || i === 7));
    cells.setStatus(isDown ? 'unhealthy' : 'healthy');
    return {
      name: `10.0.0.${i}:80`,
      weight: has('weights') ? 1 + (i % 3) : 1,
      priority: has('priority') && i >= 4 ? 1 : 0,
      zone: has('zone') ? (i % 4 >= 2 ? 'near' : 'far') : '',
      cells,
    } as unknown as Endpoint;
  });
  const upstream = {
    name: 'app',
    endpoints,
    balancer: module.create(module.options.parse(options), { clock, random: seededRandom(17) }),
    epoch: () => 1,
    grouping: {
      panicThreshold: 0.1,
      overflow: 0.7,
      zone: has('zone') ? 'near' : '',
      slowStart: has('slow start') ? { timeMs: SLOW_MS, exponent: 1 } : undefined,
    },
  } as unknown as Upstream;
  return { upstream, clock, expected: expectedShares(endpoints, has) };
}

/** A plain reading of the rules, to compare with. */
function expectedShares(endpoints: readonly Endpoint[], has: (feature: Feature) => boolean): readonly number[] {
  const isWell = ({ cells }: Endpoint) => cells.status === 'healthy';
  const sum = (list: readonly Endpoint[]) => list.reduce((total, { weight }) => total + weight, 0);
  const carries = (list: readonly Endpoint[]) => Math.min(1, sum(list.filter(isWell)) / Math.max(1, sum(list)) / 0.7);
  const shares = new Map<Endpoint, number>();
  const levels = has('priority') ? [0, 1] : [0];
  let left = 1;
  const given = levels.map((priority) => {
    const level = endpoints.filter((endpoint) => endpoint.priority === priority);
    const share = Math.min(left, carries(level));
    left -= share;
    return { level, share };
  });
  for (const { level, share } of given) {
    const zones = has('zone') ? ['near', 'far'] : [''];
    const far = level.filter((endpoint) => endpoint.zone === 'far' && isWell(endpoint));
    const near = far.length === 0 ? 1 : carries(level.filter(({ zone }) => zone === zones[0]));
    for (const [i, zone] of zones.entries()) {
      const group = level.filter((endpoint) => endpoint.zone === zone && isWell(endpoint));
      const part = (share / (1 - left)) * (zones.length === 1 ? 1 : i === 0 ? near : 1 - near);
      const factor = (endpoint: Endpoint) =>
        endpoint.weight * (has('slow start') && endpoints.indexOf(endpoint) % 2 === 1 ? 0.5 : 1);
      const total = group.reduce((all, endpoint) => all + factor(endpoint), 0);
      for (const endpoint of group) shares.set(endpoint, (part * factor(endpoint)) / total);
    }
  }
  return endpoints.map((endpoint) => shares.get(endpoint) ?? 0);
}

/** Sends requests of so many clients; `each` sees the endpoint picked. Returns the shares. */
function run({ upstream }: Setting, features: readonly Feature[], each: (picked: Endpoint) => void): readonly number[] {
  const random = seededRandom(23);
  const counts = new Map<EndpointCells, number>();
  const inFlight: Endpoint[] = [];
  for (let i = 0; i < REQUESTS; i++) {
    const exchange = createTestExchange({ clientAddress: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}` });
    exchange.upstream = upstream;
    const pick = (tried: readonly Endpoint[]) => {
      const list = candidates(upstream, exchange, tried, random);
      return upstream.balancer.pick(list, exchange, tried);
    };
    const picked = pick([]);
    if (features.includes('retry')) {
      const other = pick([picked]);
      assert.notEqual(other.cells, picked.cells);
      assert.equal(other.cells.status, 'healthy');
    }
    assert.equal(picked.cells.status, 'healthy');
    counts.set(picked.cells, (counts.get(picked.cells) ?? 0) + 1);
    picked.cells.begin();
    each(picked);
    inFlight.push(picked);
    // Whichever of them ends first: loads are not all of one age.
    if (inFlight.length > IN_FLIGHT) inFlight.splice(Math.floor(random() * inFlight.length), 1)[0]?.cells.end();
  }
  return upstream.endpoints.map(({ cells }) => (counts.get(cells) ?? 0) / REQUESTS);
}

/** How far a share may be from what is expected: the ring's shares have a standard deviation of some 8 %. */
const TOLERANCE: Readonly<Record<string, number>> = { ring: 0.08 };

const kinds: readonly (readonly [name: string, type: string, options: object])[] = [
  ...balancers
    .filter(({ type }) => !type.includes('hash') && type !== 'first-fit')
    .map(({ type }) => [type, type, {}] as const),
  ...['maglev', 'ring', 'rendezvous'].map((table) => [table, 'consistent-hash', { table }] as const),
];

for (const [name, type, options] of kinds) {
  test(`${name}: in every combination, priorities and zones get their shares, and endpoints theirs of these`, () => {
    for (const features of combinations) {
      const setting = setUp(type, options, features);
      const found = run(setting, features, () => {});
      for (const [i, share] of found.entries()) {
        const expected = setting.expected[i] ?? 0;
        const tolerance = TOLERANCE[name] ?? 0.04;
        const text = `${features.join(', ') || 'nothing'}: ${found.map((one) => one.toFixed(3)).join(' ')}, not ${setting.expected.map((one) => one.toFixed(3)).join(' ')}`;
        assert.ok(Math.abs(share - expected) < tolerance, text);
      }
    }
  });
}

for (const table of ['maglev', 'ring', 'rendezvous']) {
  test(`${table}: the load stays bounded in every combination, as long as somebody has room`, () => {
    for (const features of combinations) {
      const setting = setUp('consistent-hash', { table, 'bounded-load': 1.25 }, features);
      run(setting, features, ({ cells, weight }) => {
        const exchange = createTestExchange();
        const group = candidates(setting.upstream, exchange, [], () => 0);
        // With several groups each has a load of its own, which only the balancer sees.
        if (features.includes('priority') || features.includes('zone')) return;
        const total = group.reduce((sum, endpoint) => sum + endpoint.cells.inFlight, 0);
        const weights = group.reduce((sum, endpoint) => sum + endpoint.weight, 0);
        assert.ok(cells.inFlight <= Math.ceil((1.25 * total * weight) / weights) || features.includes('slow start'));
      });
    }
  });
}

test('first-fit: in every combination, who comes first among the usable is filled first', () => {
  for (const features of combinations) {
    const setting = setUp('first-fit', { 'in-flight': 1000 }, features);
    const used = run(setting, features, () => {})
      .map((share, i) => (share > 0 ? i : -1))
      .filter((i) => i >= 0);
    const groups = (features.includes('priority') ? 2 : 1) * (features.includes('zone') ? 2 : 1);
    assert.ok(used.length <= groups, `${features.join(', ')}: ${used.join(' ')}`);
  }
});

test('keys of a consistent hash stay where they are in every combination', () => {
  for (const features of combinations) {
    const { upstream } = setUp('consistent-hash', {}, features);
    const random = seededRandom(3);
    for (let i = 0; i < 50; i++) {
      const owners = new Set<EndpointCells>();
      for (let turn = 0; turn < 5; turn++) {
        const exchange = createTestExchange({ clientAddress: `10.0.0.${i}` });
        exchange.upstream = upstream;
        owners.add(upstream.balancer.pick(candidates(upstream, exchange, [], random), exchange, []).cells);
      }
      assert.equal(owners.size, 1, features.join(', '));
    }
  }
});
