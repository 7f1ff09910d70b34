// What part of the requests endpoints get of each balancer, against what theory promises, with the state that workers share in
// production; the figures are printed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#lib/clock.ts';
import { fc } from '#lib/properties.ts';
import { type Random, seededRandom } from '#lib/random.ts';
import { EndpointCells } from '#memory/endpoint-table.ts';
import type { Balancer } from '#model/balancer.ts';
import { createTestExchange } from '#model/testing.ts';
import type { Endpoint } from '#model/upstream.ts';
import { balancers } from './index.ts';

const PICKS = 100_000;
const WEIGHTS = [1, 2, 3, 4] as const;
const TOTAL = 10;

const exchange = createTestExchange();

function endpoints(weights: readonly number[]): readonly Endpoint[] {
  return weights.map((weight, i) => {
    const cells = new EndpointCells(new Int32Array(16), new Int32Array(1), 0);
    return { name: `10.0.${i >> 8}.${i & 255}:80`, weight, cells } as unknown as Endpoint;
  });
}

function create(
  type: string,
  options: object = {},
  random: Random = seededRandom(7),
  clock = new ManualClock(),
): Balancer {
  const module = balancers.find((one) => one.type === type);
  if (!module) throw new Error(`there is no balancer ${type}`);
  return module.create(module.options.parse(options), { clock, random });
}

/** Picks by so many clients, each once; returns how many each endpoint got. */
function tally(
  balancer: Balancer,
  candidates: readonly Endpoint[],
  after: (picked: Endpoint) => void,
): readonly number[] {
  const counts = new Map(candidates.map((endpoint) => [endpoint, 0]));
  for (let i = 0; i < PICKS; i++) {
    exchange.clientAddress = `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
    const picked = balancer.pick(candidates, exchange, []);
    counts.set(picked, (counts.get(picked) ?? Number.NaN) + 1);
    after(picked);
  }
  return [...counts.values()];
}

/** The largest relative deviation of a count from its share by weight. */
function deviationOf(counts: readonly number[]): number {
  return Math.max(...counts.map((count, i) => Math.abs(count / PICKS / ((WEIGHTS[i] ?? 0) / TOTAL) - 1)));
}

/** Six standard deviations, relative, of the smallest share when each pick is drawn by weight: p = 0.1. */
const BY_CHANCE = 6 * Math.sqrt(0.9 / 0.1 / PICKS);
/** The same of the places that the points of a ring take: 160 for the smallest weight. */
const OF_RING = 6 / Math.sqrt(160);

for (const { type, options, what, bound } of [
  { type: 'round-robin', options: {}, what: 'takes exact turns', bound: 0 },
  { type: 'random', options: {}, what: 'draws by weight', bound: BY_CHANCE },
  { type: 'least-response-time', options: {}, what: 'draws by weight while nothing is known', bound: BY_CHANCE },
  { type: 'consistent-hash', options: { table: 'maglev' }, what: 'spreads keys by the slots', bound: BY_CHANCE },
  {
    type: 'consistent-hash',
    options: { table: 'ring' },
    what: 'spreads keys by the points',
    bound: BY_CHANCE + OF_RING,
  },
  { type: 'consistent-hash', options: { table: 'rendezvous' }, what: 'spreads keys by draws', bound: BY_CHANCE },
  { type: 'source-hash', options: {}, what: 'spreads client addresses', bound: BY_CHANCE },
] as const) {
  const name = 'table' in options ? `${type} (${options.table})` : type;
  test(`${name}: ${what}, and 100,000 picks follow the weights`, (t) => {
    const counts = tally(create(type, options), endpoints(WEIGHTS), () => {});
    const worst = deviationOf(counts);
    t.diagnostic(
      `${name}: weights 1:2:3:4 gave ${counts.join(' : ')}; off by ${(worst * 100).toFixed(2)} % at the most`,
    );
    assert.ok(worst <= bound, `${worst} of ${bound}`);
    if (bound > BY_CHANCE) return;
    for (const [i, count] of counts.entries())
      assert.ok(Math.abs(count / PICKS - (WEIGHTS[i] ?? 0) / TOTAL) < 0.01, `${count} of weight ${WEIGHTS[i]}`);
  });
}

// Without load they have nothing to go by but the weights; their promise is that what is in flight follows the weights.
for (const type of ['least-requests', 'two-choices'] as const) {
  test(`${type}: 100,000 requests that all stay in flight follow the weights within 1 %`, (t) => {
    const counts = tally(create(type), endpoints(WEIGHTS), ({ cells }) => cells.begin());
    const worst = deviationOf(counts);
    t.diagnostic(
      `${type}: weights 1:2:3:4 gave ${counts.join(' : ')}; off by ${(worst * 100).toFixed(3)} % at the most`,
    );
    assert.ok(worst < 0.01, `${worst}`);
  });
}

// Balls into bins (Azar, Broder, Karlin and Upfal, 1994; Mitzenmacher, 1996): of n balls in n bins the fullest has
// ln n / ln ln n (1 + o(1)) when each is thrown by chance, and ln ln n / ln 2 + O(1) when the emptier of two gets it.
test('two-choices: as many requests as endpoints leave the busiest with a constant more than ln ln n / ln 2', (t) => {
  const n = 10_000;
  const fullest = (type: string, seed: number): number => {
    const candidates = endpoints(new Array<number>(n).fill(1));
    const balancer = create(type, {}, seededRandom(seed));
    for (let i = 0; i < n; i++) balancer.pick(candidates, exchange, []).cells.begin();
    return Math.max(...candidates.map(({ cells }) => cells.inFlight));
  };
  const two = [1, 2, 3].map((seed) => fullest('two-choices', seed));
  const random = [1, 2, 3].map((seed) => fullest('random', seed));
  const theory = { two: Math.log(Math.log(n)) / Math.LN2, random: Math.log(n) / Math.log(Math.log(n)) };
  t.diagnostic(
    `${n} requests, ${n} endpoints: the busiest has ${two.join(', ')} by two choices (ln ln n / ln 2 = ${theory.two.toFixed(2)}), ${random.join(', ')} at random (ln n / ln ln n = ${theory.random.toFixed(2)})`,
  );
  for (const load of two) assert.ok(load <= theory.two + 2, `${load}`);
  for (const load of random) assert.ok(load >= theory.random && load > Math.max(...two), `${load}`);
});

for (const table of ['maglev', 'ring', 'rendezvous'] as const) {
  // Mirrokni, Thorup and Zadimoghaddam, 2016: the capacity is the factor times the fair share, rounded up, of what is in flight with
  // the request to come.
  test(`consistent-hash (${table}): whoever gets a request stays within its bounded load, whatever comes and goes`, () => {
    const step = fc.record({ ends: fc.boolean(), key: fc.nat(8), which: fc.nat() });
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 6 }),
        // In hundredths, so that what is expected is exact.
        fc.constantFrom(100, 110, 125, 200),
        fc.array(step, { maxLength: 150 }),
        (weights, percent, steps) => {
          const candidates = endpoints(weights);
          const weightOfAll = weights.reduce((sum, weight) => sum + weight, 0);
          const balancer = create('consistent-hash', { table, 'bounded-load': percent / 100 });
          const inFlight: Endpoint[] = [];
          for (const { ends, key, which } of steps) {
            if (ends && inFlight.length > 0) {
              inFlight.splice(which % inFlight.length, 1)[0]?.cells.end();
              continue;
            }
            exchange.clientAddress = `192.0.2.${key}`;
            const picked = balancer.pick(candidates, exchange, []);
            picked.cells.begin();
            inFlight.push(picked);
            const cap = Math.ceil((percent * inFlight.length * picked.weight) / (100 * weightOfAll));
            assert.ok(picked.cells.inFlight <= cap, `${picked.cells.inFlight} of ${cap}`);
          }
        },
      ),
      { numRuns: 60, examples: [[[5, 2, 4], 110, new Array(6).fill({ ends: false, key: 0, which: 0 })]] },
    );
  });
}
