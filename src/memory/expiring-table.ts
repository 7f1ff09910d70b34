// Numbers by key for a time, in memory that all workers share: bounded, and safe against keys that were chosen to collide.
//
// A key lives in one of the eight places of the set that its hash names; when all are taken, the entry that would expire first makes
// room, which is the one that was used least recently where all live equally long.
import { sipHalves, sipHash } from '#lib/sip-hash.ts';
import { SharedLocks } from './shared-locks.ts';

const WAYS = 8;
// A set: a lock (who holds it, or 0), a pad, then for each way two Int32 of the key's hash, the value and the time it expires.
const LOCK_BYTES = 8;
const WAY_BYTES = 24;
const SET_BYTES = LOCK_BYTES + WAYS * WAY_BYTES;
/** The table's head: key of the hash (4), count of evictions, count of instances. */
const HEAD_BYTES = 24;
const KEY_INTS = 4;
const EVICTIONS = 4;
const INSTANCES = 5;

export class ExpiringTable {
  /** Given to workers, which open it with `new ExpiringTable(buffer)`. */
  readonly buffer: SharedArrayBuffer;
  readonly #ints: Int32Array;
  readonly #doubles: Float64Array;
  readonly #sets: number;
  readonly #hashKey: Int32Array;
  readonly #locks: SharedLocks;

  /** Makes a table for at least `entries` keys, hashed under 16 secret bytes. */
  static create(entries: number, secret: Uint8Array): ExpiringTable {
    const sets = Math.ceil(entries / WAYS);
    const buffer = new SharedArrayBuffer(HEAD_BYTES + sets * SET_BYTES);
    new Uint8Array(buffer).set(secret.subarray(0, KEY_INTS * Int32Array.BYTES_PER_ELEMENT));
    return new ExpiringTable(buffer);
  }

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.#ints = new Int32Array(buffer);
    this.#doubles = new Float64Array(buffer);
    this.#sets = (buffer.byteLength - HEAD_BYTES) / SET_BYTES;
    this.#hashKey = new Int32Array(buffer, 0, KEY_INTS);
    this.#locks = new SharedLocks(this.#ints, INSTANCES);
  }

  /** Entries that had to make room before their time. */
  get evictions(): number {
    return Atomics.load(this.#ints, EVICTIONS);
  }

  /** How many entries have not expired. Reads the whole table, and what others write meanwhile may be counted or not. */
  count(nowMs: number): number {
    let count = 0;
    for (let set = 0; set < this.#sets; set++) {
      for (let i = 0; i < WAYS; i++) if ((this.#doubles[expiryAt(wayOf(setAt(set), i))] as number) > nowMs) count++;
    }
    return count;
  }

  /** The value of `key`, which from now on lives for another `ttlMs`; 0 when there is none. */
  use(key: string, ttlMs: number, nowMs: number): number {
    return this.#at(key, (set, low, high) => {
      const way = this.#find(set, low, high, nowMs);
      if (way === undefined) return 0;
      this.#doubles[expiryAt(way)] = nowMs + ttlMs;
      return this.#doubles[valueAt(way)] as number;
    });
  }

  /** Gives `key` a value other than 0 for `ttlMs`. Times are wall-clock times, which all threads share. */
  set(key: string, value: number, ttlMs: number, nowMs: number): void {
    this.#at(key, (set, low, high) => {
      const way = this.#find(set, low, high, nowMs) ?? this.#makeRoom(set, nowMs);
      this.#ints[way >> 2] = low;
      this.#ints[(way >> 2) + 1] = high;
      this.#doubles[valueAt(way)] = value;
      this.#doubles[expiryAt(way)] = nowMs + ttlMs;
      return value;
    });
  }

  /** Does `work` with the byte offset of the key's set and the halves of its hash, while nobody else is at that set. */
  #at(key: string, work: (set: number, low: number, high: number) => number): number {
    sipHash(key, this.#hashKey);
    const low = sipHalves[0] as number;
    const high = sipHalves[1] as number;
    const set = setAt((low >>> 0) % this.#sets);
    const lock = set >> 2;
    const ticket = this.#locks.acquire(lock);
    try {
      return work(set, low, high);
    } finally {
      this.#locks.release(lock, ticket);
    }
  }

  /** The byte offset of the key's way, while it lives. */
  #find(set: number, low: number, high: number, nowMs: number): number | undefined {
    for (let i = 0; i < WAYS; i++) {
      const way = wayOf(set, i);
      if (this.#ints[way >> 2] !== low || this.#ints[(way >> 2) + 1] !== high) continue;
      if ((this.#doubles[expiryAt(way)] as number) > nowMs) return way;
    }
    return undefined;
  }

  /** The way of the set whose entry has expired or would do so first. */
  #makeRoom(set: number, nowMs: number): number {
    let first = wayOf(set, 0);
    for (let i = 1; i < WAYS; i++) {
      const way = wayOf(set, i);
      if ((this.#doubles[expiryAt(way)] as number) < (this.#doubles[expiryAt(first)] as number)) first = way;
    }
    if ((this.#doubles[expiryAt(first)] as number) > nowMs) Atomics.add(this.#ints, EVICTIONS, 1);
    return first;
  }
}

function setAt(number: number): number {
  return HEAD_BYTES + number * SET_BYTES;
}

function wayOf(set: number, number: number): number {
  return set + LOCK_BYTES + number * WAY_BYTES;
}

/** Where in the doubles the value of a way stands. */
function valueAt(way: number): number {
  return (way + 8) >> 3;
}

function expiryAt(way: number): number {
  return (way + 16) >> 3;
}
