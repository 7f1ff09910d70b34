// Consistent hashing: the same key goes to the same endpoint, and a change of the endpoints moves few keys.
import { hash64, hashHalves } from '#lib/hash.ts';
import { MaglevTable } from '#lib/maglev-table.ts';
import type { PreferenceTable, WeightedMember } from '#lib/preference-table.ts';
import type { Random } from '#lib/random.ts';
import { RendezvousTable } from '#lib/rendezvous-table.ts';
import { RingTable } from '#lib/ring-table.ts';
import type { EndpointCells } from '#memory/endpoint-table.ts';
import { type Balancer, defineBalancer } from '#model/balancer.ts';
import type { Exchange } from '#model/exchange.ts';
import { compileKeySource, keySource } from '#model/key-source.ts';
import type { Endpoint } from '#model/upstream.ts';
import { s } from '#schema/blocks.ts';
import { drawWeighted } from './weighted-draw.ts';

interface TableKind {
  create(members: readonly WeightedMember[]): PreferenceTable;
  /**
   * Whether a table is built over all endpoints, also those that may not be picked at present: a key of one that is out then goes
   * to the next in the key's own order, as a retry would, nobody else's keys move, and a change of health costs no new table. A
   * rendezvous table costs next to nothing, and has these properties as it is.
   */
  readonly ofAll: boolean;
}

const TABLES: Readonly<Record<'maglev' | 'ring' | 'rendezvous', TableKind>> = {
  maglev: { create: (members) => new MaglevTable(members), ofAll: true },
  ring: { create: (members) => new RingTable(members), ofAll: true },
  rendezvous: { create: (members) => new RendezvousTable(members), ofAll: false },
};

/** The same in every worker and process, so that all send a key to the same endpoint. */
const SEED_LOW = 0x746964;
const SEED_HIGH = 0x656761;

const TWO_TO_32 = 4_294_967_296;
const UNBOUNDED = Number.POSITIVE_INFINITY;
/** What a whole number may come to more than it is by the rounding of fractions: 1.1 * 6 / 11 * 5 is 3, and not above. */
const ROUNDING = 1e-9;
/** Whether endpoints that start slowly get a part of their keys, or whatever comes. */
type Starters = 'spared' | 'taken';

const table = () =>
  s
    .enum(['maglev', 'ring', 'rendezvous'])
    .default('maglev')
    .describe(
      'maglev: even shares and the fastest look-up, a change moves some keys more than it must; ring: moves no more than it must, shares have a standard deviation of some 8 %; rendezvous: both, but asks every endpoint.',
    );

const boundedLoad = () =>
  s
    .number({ min: 1, max: 100 })
    .optional()
    .describe(
      'Most requests in flight of an endpoint, as a multiple of its fair share, such as 1.25; above it the next endpoint of the key is taken. No bound by default.',
    );

export const consistentHash = defineBalancer({
  type: 'consistent-hash',
  summary: 'The same key goes to the same endpoint; a change of the endpoints moves few keys.',
  options: () =>
    s.object({
      key: keySource().prefault('client-address'),
      table: table(),
      'bounded-load': boundedLoad(),
    }),
  create: (options, host) =>
    new ConsistentHash(compileKeySource(options.key), TABLES[options.table], options['bounded-load'], host.random),
});

export const sourceHash = defineBalancer({
  type: 'source-hash',
  summary: 'The same client address goes to the same endpoint: consistent hashing by client-address.',
  options: () => s.object({ table: table(), 'bounded-load': boundedLoad() }),
  create: (options, host) =>
    new ConsistentHash(compileKeySource('client-address'), TABLES[options.table], options['bounded-load'], host.random),
});

class ConsistentHash implements Balancer {
  readonly skipsTried = true;
  readonly #keyOf: (exchange: Exchange) => string;
  readonly #kind: TableKind;
  readonly #bound: number | undefined;
  readonly #random: Random;
  /** What the table is built of. */
  #members: readonly Endpoint[] = [];
  #table: PreferenceTable | undefined = undefined;
  #all: readonly Endpoint[] | undefined = undefined;
  #candidates: readonly Endpoint[] | undefined = undefined;
  /** The candidates by their cells: of an endpoint that starts slowly there are several objects, of different weight. */
  #usable: ReadonlyMap<EndpointCells, Endpoint> = new Map();
  /** Of the candidates' weights. */
  #totalWeight = 0;
  /** The halves of the hash of the key that an endpoint is picked for. */
  #low = 0;
  #high = 0;

  constructor(keyOf: (exchange: Exchange) => string, kind: TableKind, bound: number | undefined, random: Random) {
    this.#keyOf = keyOf;
    this.#kind = kind;
    this.#bound = bound;
    this.#random = random;
  }

  pick(candidates: readonly Endpoint[], exchange: Exchange, tried: readonly Endpoint[]): Endpoint {
    const key = this.#keyOf(exchange);
    // Requests without a key are shared out; the same endpoint for all of them would have them all.
    if (key === '') return drawWeighted(untried(candidates, tried), this.#random);
    this.#update(this.#kind.ofAll ? (exchange.upstream?.endpoints ?? candidates) : candidates, candidates);
    hash64(key, SEED_LOW, SEED_HIGH);
    this.#low = hashHalves[0] as number;
    this.#high = hashHalves[1] as number;
    const capacity = this.#bound === undefined ? UNBOUNDED : this.#capacity(candidates, this.#bound);
    // Room counts for more than sparing those that start, as their room is a part of that of others already.
    return (
      this.#first(tried, capacity, 'spared') ??
      this.#first(tried, capacity, 'taken') ??
      this.#first(tried, UNBOUNDED, 'spared') ??
      (this.#first(tried, UNBOUNDED, 'taken') as Endpoint)
    );
  }

  pointOf(exchange: Exchange): number | undefined {
    const key = this.#keyOf(exchange);
    if (key === '') return undefined;
    hash64(key, SEED_HIGH, SEED_LOW);
    return ((hashHalves[0] as number) >>> 0) / TWO_TO_32;
  }

  /** The most preferred endpoint that may be picked and has room; `capacity` is for each unit of weight. */
  #first(tried: readonly Endpoint[], capacity: number, starters: Starters): Endpoint | undefined {
    let found: Endpoint | undefined;
    const high = this.#high;
    this.#table?.walk(this.#low, high, (member, step) => {
      const whole = this.#members[member] as Endpoint;
      const endpoint = this.#usable.get(whole.cells);
      if (!endpoint || tried.some(({ cells }) => cells === whole.cells)) return false;
      // One that starts slowly gets a part of its keys; the others go to the next one of theirs for the while.
      if (
        endpoint.weight < whole.weight &&
        starters === 'spared' &&
        pointOfStep(high, step) >= endpoint.weight / whole.weight
      )
        return false;
      if (capacity !== UNBOUNDED && endpoint.cells.inFlight >= Math.ceil(capacity * endpoint.weight - ROUNDING))
        return false;
      found = endpoint;
      return true;
    });
    return found;
  }

  /** Requests in flight that a unit of weight may have (Mirrokni, Thorup and Zadimoghaddam, 2016), the one to come counted. */
  #capacity(candidates: readonly Endpoint[], bound: number): number {
    let inFlight = 1;
    for (const { cells } of candidates) inFlight += cells.inFlight;
    return (bound * inFlight) / this.#totalWeight;
  }

  #update(all: readonly Endpoint[], candidates: readonly Endpoint[]): void {
    if (all !== this.#all) {
      this.#all = all;
      this.#members = all.filter(({ weight }) => weight > 0);
      this.#table = this.#kind.create(this.#members);
    }
    if (candidates === this.#candidates) return;
    this.#candidates = candidates;
    this.#usable = new Map(candidates.map((endpoint) => [endpoint.cells, endpoint]));
    this.#totalWeight = candidates.reduce((sum, { weight }) => sum + weight, 0);
  }
}

/** A number in [0, 1) for each step of the walk of a key. */
function pointOfStep(high: number, step: number): number {
  const mixed = Math.imul(high ^ Math.imul(step + 1, 0x9e3779b1), 0x85ebca6b);
  return ((mixed ^ (mixed >>> 15)) >>> 0) / TWO_TO_32;
}

function untried(candidates: readonly Endpoint[], tried: readonly Endpoint[]): readonly Endpoint[] {
  if (tried.length === 0) return candidates;
  return candidates.filter((endpoint) => !tried.some(({ cells }) => cells === endpoint.cells));
}
