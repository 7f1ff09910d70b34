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
/** The best latency is that of the last five times so long, and is measured anew in each, by one worker. */
const EPOCH_MS = 60_000;
/** No single judgement does more than halve the limit. */
const LEAST_GRADIENT = 0.5;

export class AdaptiveLimit implements ConcurrencyLimit {
  readonly #settings: AdaptiveSettings;
  readonly #cells: ConcurrencyCells;
  readonly #clock: Clock;
  readonly #latencies = new LatencyHistogram();
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
    return this.#bounded(this.#cells.limit);
  }

  observe(latencyMs: number): void {
    this.#latencies.record(latencyMs);
    this.#peak = Math.max(this.#peak, this.#cells.inFlight);
    if (this.#latencies.total < LEAST_SAMPLES) return;
    const wallMs = this.#clock.wall();
    // While this worker looks for the best latency it goes first; see there.
    const leastTicks = this.#before === undefined ? LEAST_TICKS : 0;
    if (this.#cells.mayChangeLimit(ticksOf(wallMs), leastTicks)) this.#judge(Math.floor(wallMs / EPOCH_MS) + 1);
  }

  #judge(epoch: number): void {
    const latency = this.#latencies.quantile(0.5);
    const isEpochNew = this.#cells.beginEpoch(epoch);
    this.#cells.noteLatency(epoch, latency);
    if (this.#before !== undefined) {
      this.#set(this.#before);
      this.#before = undefined;
    } else if (isEpochNew) {
      // An upstream that is always full would show no other latency than that which was tolerated before, and each five minutes
      // more would be. All other workers wait for as long again.
      this.#before = this.value;
      this.#set(this.value / (2 * this.#settings.tolerance));
      this.#cells.deferChange(LEAST_TICKS);
    } else {
      this.#set(this.#next(latency));
    }
    this.#latencies.clear();
    this.#peak = 0;
  }

  #next(latency: number): number {
    const limit = this.value;
    const gradient = Math.min(
      1,
      Math.max(LEAST_GRADIENT, (this.#settings.tolerance * this.#cells.bestLatencyMs) / latency),
    );
    // The room to grow is a queue that the upstream may have; the square root makes it small beside a large limit, and lets a small
    // one grow quickly. A limit that is not made use of says nothing, and stays.
    const room = this.#peak * 2 < limit ? 0 : Math.sqrt(limit);
    return limit * gradient + room;
  }

  #set(limit: number): void {
    this.#cells.setLimit(this.#bounded(limit));
  }

  #bounded(limit: number): number {
    return Math.min(this.#settings.max, Math.max(this.#settings.min, limit));
  }
}
