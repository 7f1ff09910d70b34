// Token buckets by key in memory that all workers share: a limit is exact over all of them without a message.
//
// Each bucket is kept as GCRA does: one number, the time at which it will be full again. A bucket whose time has passed is
// full, like one that was never used, so its place may be taken by another key without loss.
import { hash64, hashHalves } from '#lib/hash.ts';

const WAYS = 8;
// A set: a lock, a seed-independent pad, then for each way two Int32 of the key's hash and one Float64.
const LOCK_BYTES = 8;
const WAY_BYTES = 16;
const SET_BYTES = LOCK_BYTES + WAYS * WAY_BYTES;
/** The table's head: seed and eviction count. */
const HEAD_BYTES = 16;

const SPINS = 200;
/** Nobody holds a lock for longer unless its thread died: the work under it takes less than a microsecond. */
const STEAL_AFTER_TRIES = 100;
const WAIT_MS = 1;

/** The outcome of one `take`. The same object is returned by each call: read it before the next. */
export interface TakeResult {
  allowed: boolean;
  /** Whole tokens left. */
  remaining: number;
  /** Milliseconds until the bucket is full again. */
  resetMs: number;
  /** Milliseconds until the same cost would be allowed; 0 when it was. */
  retryAfterMs: number;
}

export class KeyedTable {
  /** Given to workers, which open it with `new KeyedTable(buffer)`. */
  readonly buffer: SharedArrayBuffer;
  readonly #ints: Int32Array;
  readonly #times: Float64Array;
  readonly #sets: number;
  readonly #result: TakeResult = { allowed: false, remaining: 0, resetMs: 0, retryAfterMs: 0 };

  /** Makes a table for about `entries` live keys with a random seed. */
  static create(entries: number, seed: readonly [number, number]): KeyedTable {
    let sets = 1;
    while (sets * WAYS < entries) sets *= 2;
    const buffer = new SharedArrayBuffer(HEAD_BYTES + sets * SET_BYTES);
    const head = new Int32Array(buffer, 0, 2);
    head[0] = seed[0];
    head[1] = seed[1];
    return new KeyedTable(buffer);
  }

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.#ints = new Int32Array(buffer);
    this.#times = new Float64Array(buffer);
    this.#sets = (buffer.byteLength - HEAD_BYTES) / SET_BYTES;
  }

  /** Live buckets that were dropped because their set was full: each gave its key a full bucket too early. */
  get evictions(): number {
    return Atomics.load(this.#ints, 2);
  }

  /**
   * Takes `cost` tokens from the bucket of `key`, which holds `burst` and gains `perSecond`. `nowMs` is wall-clock time, which
   * all threads share.
   */
  take(key: string, perSecond: number, burst: number, nowMs: number, cost = 1): TakeResult {
    hash64(key, this.#ints[0] as number, this.#ints[1] as number);
    const low = hashHalves[0] as number;
    // The second half is never zero, so that an unused place matches no key.
    const high = (hashHalves[1] as number) | 1;
    const set = HEAD_BYTES + ((low >>> 0) % this.#sets) * SET_BYTES;
    const lock = set >> 2;
    this.#acquire(lock);
    try {
      const way = this.#findWay(set, low, high, nowMs);
      return this.#takeFrom((way + 8) >> 3, perSecond, burst, nowMs, cost);
    } finally {
      Atomics.store(this.#ints, lock, 0);
      Atomics.notify(this.#ints, lock, 1);
    }
  }

  #takeFrom(time: number, perSecond: number, burst: number, nowMs: number, cost: number): TakeResult {
    const interval = 1000 / perSecond;
    const full = Math.max(this.#times[time] as number, nowMs);
    const after = full + cost * interval;
    const late = after - nowMs - burst * interval;
    // Sums of intervals are rounded; a millionth of an interval decides nothing that a clock could show.
    const allowed = late <= interval * 1e-6;
    if (allowed) this.#times[time] = after;
    const debt = (allowed ? after : full) - nowMs;
    const result = this.#result;
    result.allowed = allowed;
    result.remaining = Math.max(0, Math.floor(burst - debt / interval + 1e-6));
    result.resetMs = debt;
    result.retryAfterMs = allowed ? 0 : late;
    return result;
  }

  /** The byte offset of the key's way, taking a free one, or the one that will be full soonest, for a key not yet there. */
  #findWay(set: number, low: number, high: number, nowMs: number): number {
    let best = set + LOCK_BYTES;
    let bestTime = Number.POSITIVE_INFINITY;
    for (let i = 0; i < WAYS; i++) {
      const way = set + LOCK_BYTES + i * WAY_BYTES;
      if (this.#ints[way >> 2] === low && this.#ints[(way >> 2) + 1] === high) return way;
      const time = this.#times[(way + 8) >> 3] as number;
      if (time < bestTime) {
        best = way;
        bestTime = time;
      }
    }
    if (bestTime > nowMs) Atomics.add(this.#ints, 2, 1);
    this.#ints[best >> 2] = low;
    this.#ints[(best >> 2) + 1] = high;
    this.#times[(best + 8) >> 3] = 0;
    return best;
  }

  #acquire(lock: number): void {
    for (let tries = 0; ; tries++) {
      for (let spin = 0; spin < SPINS; spin++) if (Atomics.compareExchange(this.#ints, lock, 0, 1) === 0) return;
      if (tries >= STEAL_AFTER_TRIES) return;
      Atomics.wait(this.#ints, lock, 1, WAIT_MS);
    }
  }
}
