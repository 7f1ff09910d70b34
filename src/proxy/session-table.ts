// Which endpoint sessions belong to, in memory that all workers share; an endpoint is kept as a hash of its name, which outlives
// reloads. What sessions are told by is in learned-sessions.ts and source-sessions.ts.
import { sipHalves, sipHash } from '#lib/sip-hash.ts';
import type { ExpiringTable } from '#memory/expiring-table.ts';
import type { Exchange } from '#model/exchange.ts';
import type { Endpoint } from '#model/upstream.ts';

/** Names of endpoints are no client's choice; it is the same in all workers. */
const NAME_KEY = new Int32Array(4);
const TWO_TO_32 = 4_294_967_296;
/** Of the upper half, so many bits fit into a whole number beside the lower one. */
const UPPER_BITS = 0x1fffff;

export class SessionTable {
  readonly #entries: ExpiringTable;
  readonly #ttlMs: number;
  readonly #byId = new WeakMap<readonly Endpoint[], ReadonlyMap<number, Endpoint>>();

  constructor(entries: ExpiringTable, ttlMs: number) {
    this.#entries = entries;
    this.#ttlMs = ttlMs;
  }

  /** The endpoint of a session, which lives on with that; `undefined` when there is no such session, or its endpoint is gone. */
  find(session: string, endpoints: readonly Endpoint[], { clock }: Exchange): Endpoint | undefined {
    const id = this.#entries.use(session, this.#ttlMs, clock.wall());
    return id === 0 ? undefined : this.#idsOf(endpoints).get(id);
  }

  has(session: string, { clock }: Exchange): boolean {
    return this.#entries.use(session, this.#ttlMs, clock.wall()) !== 0;
  }

  set(session: string, endpoint: Endpoint, { clock }: Exchange): void {
    this.#entries.set(session, idOf(endpoint), this.#ttlMs, clock.wall());
  }

  /** Made once for each list of endpoints. */
  #idsOf(endpoints: readonly Endpoint[]): ReadonlyMap<number, Endpoint> {
    const known = this.#byId.get(endpoints);
    if (known) return known;
    const ids = new Map(endpoints.map((endpoint) => [idOf(endpoint), endpoint]));
    this.#byId.set(endpoints, ids);
    return ids;
  }
}

/** 53 bits of a hash of the name, and never 0. */
function idOf({ name }: Endpoint): number {
  sipHash(name, NAME_KEY);
  return ((sipHalves[1] as number) & UPPER_BITS) * TWO_TO_32 + ((sipHalves[0] as number) >>> 0) || 1;
}
