// Whole simulations: the real way of a request under a virtual clock, against endpoints whose behaviour is known.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfiguration, referencesFor } from '#config/load.ts';
import { seededRandom } from '#lib/random.ts';
import { type Behaviour, parseBehaviour } from './behaviour.ts';
import { simulate } from './run.ts';
import { SimulationError } from './simulation-error.ts';
import { type RunSummary, summarise } from './summary.ts';
import { makeTraffic, type SimulatedRequest } from './traffic.ts';

interface Setting {
  /** What stands under `app:`, besides the endpoints. */
  readonly upstream?: string;
  /** What stands in the route, besides match and upstream. */
  readonly route?: string;
  /** Behaviour by endpoint: `a` is 10.0.0.1:80, `b` 10.0.0.2:80, … */
  readonly endpoints: readonly string[];
  readonly requests?: number;
  readonly perSecond?: number;
  readonly seed?: number;
  readonly traffic?: Iterable<SimulatedRequest>;
}

async function run(setting: Setting): Promise<RunSummary> {
  const { upstream = '', route = '', endpoints, requests = 5000, perSecond = 200, seed = 1, traffic } = setting;
  const names = endpoints.map((_, i) => `10.0.0.${i + 1}:80`);
  const { config } = parseConfiguration(
    `version: 1
listeners: { web: { address: '127.0.0.1:0' } }
routes: [{ name: all, match: { path: /* }, upstream: app, ${route} }]
upstreams: { app: { endpoints: [${names.map((name) => `'${name}'`).join(', ')}], ${upstream} } }`,
    referencesFor('.', {}),
  );
  const behaviours = new Map(names.map((name, i) => [`endpoint:app/${name}`, behaviour(endpoints[i] ?? '')]));
  const found = await simulate({
    label: 'test',
    config,
    found: {},
    upstream: 'app',
    seed,
    startsAt: Date.UTC(2026, 0, 1),
    requests: traffic ?? take(requests, poisson(perSecond, seed)),
    behaviourOf: (key) => behaviours.get(key) as Behaviour,
  });
  return summarise(found, found.durationMs);
}

function behaviour(text: string): Behaviour {
  const parsed = parseBehaviour(text);
  if (typeof parsed === 'string') throw new Error(parsed);
  return parsed;
}

function poisson(perSecond: number, seed: number): Iterable<SimulatedRequest> {
  const shape = { method: 'GET', authority: 'example.com', path: '/', query: '', headers: [], clients: 50 };
  return makeTraffic({ ...shape, pattern: 'poisson', perMs: perSecond / 1000, burst: 1 }, seededRandom(seed));
}

function* take<Item>(count: number, items: Iterable<Item>): Generator<Item> {
  let left = count;
  for (const item of items) {
    if (left-- <= 0) return;
    yield item;
  }
}

/** Requests at these times, one a client. */
function at(...times: readonly number[]): readonly SimulatedRequest[] {
  return times.map((atMs, i) => ({
    atMs,
    method: 'GET',
    authority: 'example.com',
    path: '/',
    query: '',
    client: `192.0.2.${i + 1}`,
    fields: '',
  }));
}

test('the same seed gives the same result to the last figure, another seed another one', async () => {
  const setting = { upstream: 'balancer: two-choices', endpoints: ['errors:2%', 'resets:2%', 'capacity:5'] };
  const [one, same, other] = await Promise.all([run(setting), run(setting), run({ ...setting, seed: 2 })]);
  assert.deepEqual(one, same);
  assert.notDeepEqual(one, other);
});

test('of two endpoints, one ten times slower, least-requests gives the slow one less than round-robin and waits less', async (t) => {
  const endpoints = ['latency:20ms', 'latency:200ms'];
  const [turns, least] = await Promise.all([
    run({ endpoints, upstream: 'balancer: round-robin' }),
    run({ endpoints, upstream: 'balancer: least-requests' }),
  ]);
  const shares = [turns, least].map(({ endpoints: [, slow] }) => slow?.share ?? 1);
  const p99 = [turns, least].map(({ latencyMs }) => latencyMs.p99 ?? 0);
  t.diagnostic(`share of the slow one ${shares.join(' and ')}; 99th percentile ${p99.join(' and ')} ms`);
  assert.equal(shares[0], 0.5);
  assert.ok((shares[1] ?? 1) < 0.25, `${shares[1]}`);
  assert.ok((p99[1] ?? 0) < (p99[0] ?? 0), p99.join(' '));
});

test('least-response-time gives an endpoint that was slow for a while its fair share back in bounded time', async (t) => {
  const { timeline, durationMs } = await run({
    upstream: 'balancer: least-response-time',
    endpoints: ['', '', 'latency:20ms,latency:2s@10s-20s'],
    requests: 12_000,
    perSecond: 100,
  });
  const all = Object.values(timeline.endpoints);
  const load = timeline.endpoints['10.0.0.3:80'] ?? [];
  const shareAt = (slice: number) => (load[slice] ?? 0) / all.reduce((sum, values) => sum + (values[slice] ?? 0), 0);
  const sliceOf = (ms: number) => Math.floor((ms / durationMs) * load.length);
  const back = load.findIndex((_, slice) => slice > sliceOf(25_000) && shareAt(slice) > 0.25);
  const seconds = (back * timeline.sliceMs) / 1000 - 20;
  t.diagnostic(`2 s instead of 20 ms for 10 s, decay 10s: back to a fair share after ${seconds.toFixed(0)} s`);
  assert.ok(back > 0 && seconds < 60, `${seconds}`);
});

test('an endpoint without queue has exponential service times: their mean, and percentiles that follow from it', async () => {
  const { latencyMs } = await run({ endpoints: ['latency:20ms'], requests: 50_000 });
  assert.ok(Math.abs((latencyMs.mean ?? 0) - 20) < 0.5, `${latencyMs.mean}`);
  assert.ok(Math.abs((latencyMs.p50 ?? 0) - 20 * Math.LN2) < 0.5, `${latencyMs.p50}`);
  assert.ok(Math.abs((latencyMs.p99 ?? 0) - 20 * Math.log(100)) < 4, `${latencyMs.p99}`);
});

test('one request at a time makes a queue whose waits are those of theory (M/M/1)', async (t) => {
  // Service 20 ms, 40 requests a second: load 0.8, and the mean time in the system is 20 / (1 - 0.8) = 100 ms.
  const { latencyMs } = await run({ endpoints: ['latency:20ms,capacity:1'], requests: 200_000, perSecond: 40 });
  t.diagnostic(`mean time in an M/M/1 queue of load 0.8: ${latencyMs.mean} ms; theory says 100 ms`);
  assert.ok(Math.abs((latencyMs.mean ?? 0) - 100) < 7, `${latencyMs.mean}`);
});

test('requests beyond the capacity wait in the order they came', async () => {
  const { latencyMs } = await run({ endpoints: ['latency:100ms,spread:none,capacity:1'], traffic: at(0, 0, 0, 0) });
  assert.deepEqual([latencyMs.p50, latencyMs.max, latencyMs.mean], [200, 400, 250]);
});

test('every attempt at an endpoint that refuses is retried at the other one, and counted exactly', async () => {
  const { statuses, retries, endpoints, ejections } = await run({
    upstream: 'balancer: round-robin, eject: { after: 0 }, retry: { attempts: 2, budget: 100% }',
    endpoints: ['down:0s-1h', ''],
    requests: 1000,
  });
  const [down, up] = endpoints;
  assert.deepEqual(statuses, { 200: 1000 });
  assert.equal(retries, 500);
  assert.deepEqual([down?.attempts, down?.failures, up?.attempts, up?.failures], [500, 500, 1000, 0]);
  assert.equal(ejections, 0);
});

test('the retry budget bounds the retries of an outage: the reserve and its share of the requests', async () => {
  const { retries, statuses } = await run({
    upstream: 'balancer: round-robin, eject: { after: 0 }, retry: { budget: 10% }',
    endpoints: ['down:0s-1h', ''],
    requests: 2000,
  });
  // 1000 would be needed; there are 100 in reserve and 10 % of 2000 requests.
  assert.ok(retries >= 290 && retries <= 300, `${retries}`);
  assert.deepEqual(statuses, { 200: 1000 + retries, 502: 1000 - retries });
});

test('a request that must not be repeated is retried when its connection is refused, not when it ends without an answer', async () => {
  const post = { method: 'POST' };
  const requests = (count: number) => [...take(count, poisson(200, 1))].map((request) => ({ ...request, ...post }));
  const setting = { upstream: 'eject: { after: 0 }, retry: { budget: 100% }', traffic: requests(100) };
  const refused = await run({ ...setting, endpoints: ['down:0s-1h', ''] });
  assert.deepEqual([refused.retries, refused.statuses], [50, { 200: 100 }]);
  const reset = await run({ ...setting, endpoints: ['resets:100%', ''] });
  assert.deepEqual([reset.retries, reset.statuses], [0, { 200: 50, 502: 50 }]);
});

test('an endpoint that is down for a while is ejected, gets nothing meanwhile, and comes back', async () => {
  const { events, endpoints, timeline, ejections, durationMs } = await run({
    upstream: 'eject: { after: 3, time: 5s }',
    endpoints: ['', '', 'down:5s-8s'],
    requests: 4000,
  });
  assert.equal(ejections, 1);
  assert.deepEqual(
    events.map(({ endpoint, what }) => `${endpoint} ${what}`),
    ['10.0.0.3:80 endpoint is ejected', '10.0.0.3:80 endpoint is unknown'],
  );
  const [out, back] = events.map(({ atMs }) => atMs);
  assert.ok((out ?? 0) > 5000 && (out ?? 0) < 5300, `${out}`);
  assert.ok(Math.abs((back ?? 0) - (out ?? 0) - 5000) < 0.01, `${back}`);
  const load = timeline.endpoints['10.0.0.3:80'] ?? [];
  const sliceOf = (ms: number) => Math.floor((ms / durationMs) * load.length);
  for (let slice = sliceOf(out ?? 0) + 1; slice < sliceOf(back ?? 0); slice++) assert.equal(load[slice], 0, `${slice}`);
  for (const slice of [sliceOf(2500), sliceOf(15_000)]) assert.ok((load[slice] ?? 0) > 0, `${slice}`);
  assert.ok((endpoints[2]?.attempts ?? 0) > 800, `${endpoints[2]?.attempts}`);
});

test('probes take an endpoint out that refuses connections, and bring it back', async () => {
  const { events } = await run({
    upstream: 'health: { type: tcp, interval: 1s, healthy: 2, unhealthy: 2 }, eject: { after: 0 }',
    endpoints: ['', 'down:5s-10s'],
    requests: 4000,
  });
  const [out, back] = events.map(({ atMs }) => atMs);
  assert.deepEqual(
    events.map(({ what }) => what),
    ['endpoint is unhealthy', 'endpoint is healthy'],
  );
  assert.ok((out ?? 0) > 6000 && (out ?? 0) < 7500, `${out}`);
  assert.ok((back ?? 0) > 11_000 && (back ?? 0) < 12_500, `${back}`);
});

test('an endpoint that cannot be reached fails requests with 502; known to be down, it leaves none, which is 503', async () => {
  const setting = { endpoints: ['down:0s-1h'], requests: 100, perSecond: 10 };
  const unknown = await run({ ...setting, upstream: 'eject: { after: 0 }' });
  assert.deepEqual([unknown.statuses, unknown.refused['503'], unknown.failed], [{ 502: 100 }, 0, 100]);
  const known = await run({ ...setting, upstream: 'health: { type: tcp, interval: 1s }' });
  assert.deepEqual([known.statuses, known.refused['503'], known.failed], [{ 503: 100 }, 100, 0]);
});

test('a rate limit of the route refuses what it must, by the clock of the simulation', async () => {
  const { refused, requests, endpoints, durationMs } = await run({
    route: 'policies: [{ type: rate-limit, key: route, rate: 50/s, burst: 50 }]',
    endpoints: [''],
    requests: 2000,
    perSecond: 100,
  });
  assert.equal(requests, 2000);
  // The burst, and 50 a second; the last answer comes a little behind the last request.
  const granted = 50 + (50 * durationMs) / 1000;
  assert.ok(Math.abs((endpoints[0]?.attempts ?? 0) - granted) < 15, `${endpoints[0]?.attempts} of ${granted}`);
  assert.equal(refused['429'], 2000 - (endpoints[0]?.attempts ?? 0));
});

test('requests that wait for something outside the gateway end the simulation with an error, probes or not', async () => {
  const traffic = at(0).map((request) => ({ ...request, fields: 'authorization: Basic YWRhOng=\r\n' }));
  const users = "[{ name: ada, password-hash: 'scrypt$16$1$1$c2FsdA==$aGFzaA==' }]";
  for (const upstream of ['', 'health: { type: tcp, interval: 1h }']) {
    const waiting = run({
      route: `policies: [{ type: basic-auth, users: ${users} }]`,
      upstream,
      endpoints: [''],
      traffic,
    });
    await assert.rejects(
      waiting,
      (error) => error instanceof SimulationError && /^requests were left without an answer \(1\)/.test(error.message),
    );
  }
});

test('connections to an endpoint are limited as in production: some wait, the others are refused', async () => {
  const { refused, statuses } = await run({
    upstream: 'pool: { max-connections: 2, max-waiting: 1 }',
    endpoints: ['latency:100ms,spread:none'],
    traffic: at(0, 0, 0, 0, 0),
  });
  assert.deepEqual(statuses, { 200: 3, 503: 2 });
  assert.equal(refused['503'], 2);
});

test('an endpoint that takes longer than the timeout counts as failed', async () => {
  const { statuses, latencyMs, durationMs } = await run({
    upstream: 'timeouts: { first-byte: 1s }, retry: { attempts: 1 }',
    endpoints: ['latency:3s,spread:none'],
    traffic: at(0),
  });
  assert.deepEqual(statuses, { 504: 1 });
  assert.equal(latencyMs.p50, null);
  assert.equal(durationMs, 1000);
});

test('the requests of one client go to one endpoint where the balancer hashes its address', async () => {
  const { endpoints } = await run({
    upstream: 'balancer: { type: consistent-hash, key: client-address }',
    endpoints: ['', '', ''],
    traffic: [...take(300, poisson(100, 1))].map((request) => ({ ...request, client: '192.0.2.7' })),
  });
  assert.deepEqual(endpoints.map(({ attempts }) => attempts).toSorted(), [0, 0, 300]);
});
