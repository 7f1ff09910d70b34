// Finds out how many requests at a time an upstream takes without getting slower: the limit grows while latency is near the best that was
// seen lately, and shrinks in proportion as it rises (the gradient of Netflix's concurrency-limits and of Envoy's adaptive concurrency).
import type { Clock } from '#lib/clock.ts';
import { LatencyHistogram } from '#lib/latency-histogram.ts';
import type { ConcurrencyCells } from '#memory/concurrency-cells.ts';
import { ticksOf } from '#memory/ticks.ts';
import type { ConcurrencyLimit } from './gate.ts';

export interface AdaptiveSettings {
  readonly min: number;
  readonly max: number;
  /** Latency that is tolerated, in multiples of the best. */
  readonly tolerance: number;
}

/** A limit is judged by the median of at least so many latencies, */
const LEAST_SAMPLES = 25;
/** and for at least so long: 8 ticks are a quarter of a second. */
const LEAST_TICKS = 8;
/** The best latency is that of the last five times so long, and is measured anew in each. */
const EPOCH_MS = 60_000;
const EPOCHS = 5;
/** No single judgement does more than halve the limit. */
const LEAST_GRADIENT = 0.5;

export class AdaptiveLimit implements ConcurrencyLimit {
  readonly #settings: AdaptiveSettings;
  readonly #cells: ConcurrencyCells;
  readonly #clock: Clock;
  readonly #latencies = new LatencyHistogram();
  readonly #best = new BestLatency();
  /** The most requests that were under way since the last judgement. */
  #peak = 0;
  /** The limit to return to, while it is lowered for the best latency to be seen. */
  #before: number | undefined = undefined;

  constructor(settings: AdaptiveSettings, cells: ConcurrencyCells, clock: Clock) {
    this.#settings = settings;
    this.#cells = cells;
    this.#clock = clock;
  }

  get value(): number {
    // It begins small: the best latency is seen only while there is room.
    return this.#cells.limit || this.#settings.min;
  }

  observe(latencyMs: number): void {
    this.#latencies.record(latencyMs);
    this.#peak = Math.max(this.#peak, this.#cells.inFlight);
    if (this.#latencies.total < LEAST_SAMPLES) return;
    const wallMs = this.#clock.wall();
    if (this.#cells.mayChangeLimit(ticksOf(wallMs), LEAST_TICKS)) this.#judge(wallMs);
  }

  #judge(wallMs: number): void {
    const latency = this.#latencies.quantile(0.5);
    const isEpochNew = this.#best.take(latency, wallMs);
    if (this.#before !== undefined) {
      this.#set(this.#before);
      this.#before = undefined;
    } else if (isEpochNew) {
      // An upstream that is always full would show no other latency than that which was tolerated before, and each five minutes
      // more would be.
      this.#before = this.value;
      this.#set(this.value / (2 * this.#settings.tolerance));
    } else {
      this.#set(this.#next(latency));
    }
    this.#latencies.clear();
    this.#peak = 0;
  }

  #next(latency: number): number {
    const limit = this.value;
    const gradient = Math.min(1, Math.max(LEAST_GRADIENT, (this.#settings.tolerance * this.#best.value) / latency));
    // The room to grow is a queue that the upstream may have; the square root makes it small beside a large limit, and lets a small
    // one grow quickly. A limit that is not made use of says nothing, and stays.
    const room = this.#peak * 2 < limit ? 0 : Math.sqrt(limit);
    return limit * gradient + room;
  }

  #set(limit: number): void {
    this.#cells.setLimit(Math.min(this.#settings.max, Math.max(this.#settings.min, limit)));
  }
}

/** The least of the last latencies. */
class BestLatency {
  readonly #epochs = new Float64Array(EPOCHS).fill(Number.POSITIVE_INFINITY);
  #epoch = 0;

  get value(): number {
    return Math.min(...this.#epochs);
  }

  /** Returns whether it is the first of its epoch, and not the first of all. */
  take(latencyMs: number, wallMs: number): boolean {
    const epoch = Math.floor(wallMs / EPOCH_MS);
    const isNew = epoch !== this.#epoch && this.#epoch !== 0;
    const left = Math.min(EPOCHS, epoch - this.#epoch);
    for (let i = 0; i < left; i++) this.#epochs[(epoch - i) % EPOCHS] = Number.POSITIVE_INFINITY;
    this.#epoch = epoch;
    const at = epoch % EPOCHS;
    this.#epochs[at] = Math.min(this.#epochs[at] as number, latencyMs);
    return isNew;
  }
}
