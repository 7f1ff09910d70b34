// Everything composes: each balancer with weights, slow start, zones, priorities, subsets, sessions, retries and bounded load, all at
// once and in every combination, does what each part promises.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { balancers } from '#balancers/index.ts';
import { ManualClock } from '#lib/clock.ts';
import { type Random, seededRandom } from '#lib/random.ts';
import { EndpointCells } from '#memory/endpoint-table.ts';
import { ExpiringTable } from '#memory/expiring-table.ts';
import type { Exchange } from '#model/exchange.ts';
import { createTestExchange, createTestResponse } from '#model/testing.ts';
import type { Affinity, Endpoint, Upstream } from '#model/upstream.ts';
import { candidates } from './candidates.ts';
import { groupEndpoints } from './endpoint-groups.ts';
import { stays } from './session-fate.ts';
import { SessionTable } from './session-table.ts';
import { SourceSessions } from './source-sessions.ts';
import { createSubset } from './subset.ts';

const FEATURES = ['weights', 'slow start', 'zone', 'priority', 'subset', 'persistence', 'retry'] as const;
type Feature = (typeof FEATURES)[number];

const REQUESTS = 4000;
/** With persistence, each session has so many of them. */
const SESSION = 2;
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
  /** All endpoints, also those that the subset leaves out. */
  readonly endpoints: readonly Endpoint[];
  /** What each endpoint is to get of the requests. */
  readonly expected: readonly number[];
}

/**
 * Eight endpoints. With priorities, half of the first four are down, so that they carry 5/7 and the others 2/7. With zones, half of
 * the near ones are down with the same effect. With a subset, there are eight more that do not belong to it.
 */
function setUp(type: string, options: object, features: readonly Feature[]): Setting {
  const module = balancers.find((candidate) => candidate.type === type);
  assert.ok(module);
  const clock = new ManualClock();
  const has = (feature: Feature) => features.includes(feature);
  const epoch = new Int32Array(1);
  const endpoints = Array.from({ length: has('subset') ? 16 : 8 }, (_, number): Endpoint => {
    const i = number % 8;
    const cells = new EndpointCells(new Int32Array(16), epoch, 0);
    // Every second endpoint is half way through its start.
    if (has('slow start') && i % 2 === 1) cells.markReady(clock.wall() - SLOW_MS / 2);
    const isDown = (has('priority') && (i === 0 || i === 1)) || (has('zone') && (i === 3 || i === 7));
    cells.setStatus(isDown ? 'unhealthy' : 'healthy');
    return {
      name: `10.0.0.${number}:80`,
      labels: { version: number < 8 ? 'v2' : 'v1' },
      weight: has('weights') ? 1 + (i % 3) : 1,
      priority: has('priority') && i >= 4 ? 1 : 0,
      zone: has('zone') ? (i % 4 >= 2 ? 'near' : 'far') : '',
      cells,
    } as unknown as Endpoint;
  });
  const createBalancer = () => module.create(module.options.parse(options), { clock, random: seededRandom(17) });
  const whole = {
    name: 'app',
    endpoints,
    balancer: createBalancer(),
    affinity: has('persistence') ? createSessions() : undefined,
    epoch: () => Atomics.load(epoch, 0),
    grouping: {
      panicThreshold: 0.1,
      overflow: 0.7,
      zone: has('zone') ? 'near' : '',
      slowStart: has('slow start') ? { timeMs: SLOW_MS, exponent: 1 } : undefined,
    },
  } as unknown as Upstream;
  const rules = { labels: { version: 'v2' }, whenEmpty: 'none', balancer: createBalancer() } as const;
  const upstream = has('subset') ? createSubset(whole, rules) : whole;
  return { upstream, clock, endpoints, expected: expectedShares(endpoints.slice(0, 8), has) };
}

function createSessions(): Affinity {
  const table = new SessionTable(ExpiringTable.create(2 * REQUESTS, new Uint8Array(16)), 1e9);
  return new SourceSessions({ ipv4Prefix: 32, ipv6Prefix: 64, keepsDraining: true, movesWhenDown: true }, table);
}

/** The exchange of a client. */
function exchangeOf(client: number, { upstream, clock }: Setting): Exchange {
  const exchange = createTestExchange(
    { clientAddress: `10.${client >> 16}.${(client >> 8) & 255}.${client & 255}` },
    clock,
  );
  exchange.upstream = upstream;
  return exchange;
}

/** What `forward.ts` does with an upstream: the endpoint of the session, else one that the balancer picks. */
function choose(exchange: Exchange, { upstream }: Setting, random: Random): { picked: Endpoint; bound: boolean } {
  const { affinity } = upstream;
  const found = affinity?.find(exchange, upstream.endpoints);
  const bound = found && affinity && stays(found, affinity) ? found : undefined;
  const picked = bound ?? upstream.balancer.pick(candidates(upstream, exchange, [], random), exchange, []);
  affinity?.bind(exchange, createTestResponse(), picked, found);
  return { picked, bound: bound !== undefined };
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

/** Sends requests of so many clients; `each` sees the endpoints that the balancer picked. Returns the shares. */
function run(setting: Setting, features: readonly Feature[], each: (picked: Endpoint) => void): readonly number[] {
  const { upstream, endpoints } = setting;
  const random = seededRandom(23);
  const counts = new Map<EndpointCells, number>();
  const owners = new Map<number, EndpointCells>();
  const inFlight: Endpoint[] = [];
  for (let i = 0; i < REQUESTS; i++) {
    const client = features.includes('persistence') ? Math.floor(i / SESSION) : i;
    const exchange = exchangeOf(client, setting);
    const { picked, bound } = choose(exchange, setting, random);
    const { cells } = picked;
    assert.equal(bound, owners.has(client));
    assert.equal(owners.get(client) ?? cells, cells);
    if (features.includes('persistence')) owners.set(client, cells);
    if (features.includes('retry')) {
      const other = upstream.balancer.pick(candidates(upstream, exchange, [picked], random), exchange, [picked]);
      assert.notEqual(other.cells, cells);
      assert.equal(other.cells.status, 'healthy');
      assert.equal(other.labels.version, 'v2');
    }
    assert.equal(cells.status, 'healthy');
    counts.set(cells, (counts.get(cells) ?? 0) + 1);
    cells.begin();
    if (!bound) each(picked);
    inFlight.push(picked);
    // Whichever of them ends first: loads are not all of one age.
    if (inFlight.length > IN_FLIGHT) inFlight.splice(Math.floor(random() * inFlight.length), 1)[0]?.cells.end();
  }
  return endpoints.map(({ cells }) => (counts.get(cells) ?? 0) / REQUESTS);
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
    const bound = 1.25;
    for (const features of combinations) {
      const setting = setUp('consistent-hash', { table, 'bounded-load': bound }, features);
      const { upstream, clock } = setting;
      const { groups } = groupEndpoints(upstream.endpoints, upstream.grouping, clock.wall());
      let over = 0;
      run(setting, features, ({ cells, weight }) => {
        const group = groups.find(({ endpoints }) => endpoints.some((endpoint) => endpoint.cells === cells));
        const members = group?.endpoints ?? [];
        const total = members.reduce((sum, endpoint) => sum + endpoint.cells.inFlight, 0);
        const weights = members.reduce((sum, endpoint) => sum + endpoint.weight, 0);
        if (cells.inFlight > Math.ceil((bound * total * weight) / weights)) over++;
      });
      assert.equal(over, 0, features.join(', '));
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
    assert.ok(used.length <= groups && used.every((i) => i < 8), `${features.join(', ')}: ${used.join(' ')}`);
  }
});

test('keys of a consistent hash stay where they are in every combination', () => {
  for (const features of combinations) {
    const setting = setUp('consistent-hash', {}, features);
    const { upstream } = setting;
    const random = seededRandom(3);
    for (let i = 0; i < 50; i++) {
      const owners = new Set<EndpointCells>();
      for (let turn = 0; turn < 5; turn++) {
        const exchange = exchangeOf(i, setting);
        owners.add(upstream.balancer.pick(candidates(upstream, exchange, [], random), exchange, []).cells);
      }
      assert.equal(owners.size, 1, features.join(', '));
    }
  }
});

for (const [name, type, options] of [...kinds, ['first-fit', 'first-fit', { 'in-flight': 10 }] as const]) {
  test(`${name}: in every combination, an endpoint that drains keeps its sessions and gets no others`, () => {
    for (const features of combinations.filter((all) => all.includes('persistence'))) {
      const setting = setUp(type, options, features);
      const random = seededRandom(5);
      const ask = (client: number) => choose(exchangeOf(client, setting), setting, random).picked.cells;
      const owners = Array.from({ length: 60 }, (_, client) => ask(client));
      const drained = owners[0] as EndpointCells;
      drained.setStatus('draining');
      for (const [client, owner] of owners.entries()) assert.equal(ask(client), owner, features.join(', '));
      for (let client = 60; client < 120; client++) assert.notEqual(ask(client), drained, features.join(', '));
    }
  });
}
