// Token buckets by key in memory that all workers share: a limit is exact over all of them without a message.
//
// Each bucket is kept as what it lacks: a debt in milliseconds of filling, and the time of that. Added up, they are the time
// at which it will be full again; one number for both, as GCRA has it, would round every token to the quarter microsecond
// that a double has left beside the years since 1970. A bucket whose time has passed is full, like one that was never used,
// so its place may be taken by another key without loss.
import { hash64, hashHalves } from '#lib/hash.ts';
import { SharedLocks } from './shared-locks.ts';

const WAYS = 8;
// A set: a lock (who holds it, or 0), a pad, then for each way two Int32 of the key's hash and two Float64.
const LOCK_BYTES = 8;
const WAY_BYTES = 24;
const SET_BYTES = LOCK_BYTES + WAYS * WAY_BYTES;
/** The table's head: seed (2), count of evictions, count of instances. */
const HEAD_BYTES = 16;
const EVICTIONS = 2;
const INSTANCES = 3;

/** Threads read the clock a moment apart; a time so much earlier than the last tells that the clock was set back. */
const CLOCK_STEP_MS = 1000;

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
  readonly #doubles: Float64Array;
  readonly #sets: number;
  readonly #locks: SharedLocks;
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
    this.#doubles = new Float64Array(buffer);
    this.#sets = (buffer.byteLength - HEAD_BYTES) / SET_BYTES;
    this.#locks = new SharedLocks(this.#ints, INSTANCES);
  }

  /** Live buckets that were dropped because their set was full: each gave its key a full bucket too early. */
  get evictions(): number {
    return Atomics.load(this.#ints, EVICTIONS);
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
    const ticket = this.#locks.acquire(lock);
    try {
      const way = this.#findWay(set, low, high, nowMs);
      return this.#takeFrom((way + 8) >> 3, perSecond, burst, nowMs, cost);
    } finally {
      this.#locks.release(lock, ticket);
    }
  }

  #takeFrom(debtAt: number, perSecond: number, burst: number, nowMs: number, cost: number): TakeResult {
    const interval = 1000 / perSecond;
    if (nowMs < (this.#doubles[debtAt + 1] as number) - CLOCK_STEP_MS) this.#doubles[debtAt + 1] = nowMs;
    const elapsed = Math.max(0, nowMs - (this.#doubles[debtAt + 1] as number));
    const debt = Math.max(0, (this.#doubles[debtAt] as number) - elapsed);
    const after = debt + cost * interval;
    const late = after - burst * interval;
    // Sums of intervals are rounded; a millionth of an interval decides nothing that a clock could show.
    const allowed = late <= interval * 1e-6;
    if (allowed) {
      this.#doubles[debtAt] = after;
      this.#doubles[debtAt + 1] = Math.max(nowMs, this.#doubles[debtAt + 1] as number);
    }
    const result = this.#result;
    result.allowed = allowed;
    result.resetMs = allowed ? after : debt;
    result.remaining = Math.max(0, Math.floor(burst - result.resetMs / interval + 1e-6));
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
      const double = (way + 8) >> 3;
      const time = (this.#doubles[double] as number) + (this.#doubles[double + 1] as number);
      if (time < bestTime) {
        best = way;
        bestTime = time;
      }
    }
    if (bestTime > nowMs) Atomics.add(this.#ints, EVICTIONS, 1);
    this.#ints[best >> 2] = low;
    this.#ints[(best >> 2) + 1] = high;
    this.#doubles.fill(0, (best + 8) >> 3, (best + WAY_BYTES) >> 3);
    return best;
  }
}
