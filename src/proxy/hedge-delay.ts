// How long an attempt may take before a second one is made beside it: a fixed time, or a quantile of what attempts take.
import { LatencyHistogram } from '#lib/latency-histogram.ts';
import type { HedgeDelay } from '#model/upstream.ts';

/** With fewer latencies than this a quantile of them says nothing. */
const LEAST_KNOWN = 100;

export class FixedDelay implements HedgeDelay {
  readonly #ms: number;

  constructor(ms: number) {
    this.#ms = ms;
  }

  afterMs(): number {
    return this.#ms;
  }

  observe(): void {}
}

export class QuantileDelay implements HedgeDelay {
  readonly #quantile: number;
  readonly #latencies = new LatencyHistogram();

  /** `quantile` is 0 to 1. */
  constructor(quantile: number) {
    this.#quantile = quantile;
  }

  afterMs(): number | undefined {
    return this.#latencies.total < LEAST_KNOWN ? undefined : this.#latencies.quantile(this.#quantile);
  }

  observe(latencyMs: number): void {
    this.#latencies.record(latencyMs);
  }
}
