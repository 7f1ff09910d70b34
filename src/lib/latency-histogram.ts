// Quantiles of recent latencies in constant memory: logarithmic buckets whose counts are halved from time to time, so that what was
// long ago fades. Exact to about 9 %.

/** Buckets of one doubling: bounds are 2 to the power of 1/8, or 9 %, apart. */
const PER_DOUBLING = 8;
/** From 1/16 ms to 2^16 ms, more than a minute. */
const LOWEST_EXPONENT = -4;
const BUCKETS = 20 * PER_DOUBLING;
/** After so many latencies all counts are halved: quantiles are those of the last thousand or so. */
const HALVED_AFTER = 1024;

export class LatencyHistogram {
  readonly #counts = new Float64Array(BUCKETS);
  #total = 0;
  #sinceHalved = 0;

  /** How many latencies it knows, those that have faded as less than one. */
  get total(): number {
    return this.#total;
  }

  record(latencyMs: number): void {
    const bucket = bucketOf(latencyMs);
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.#total++;
    if (++this.#sinceHalved === HALVED_AFTER) this.#halve();
  }

  /** The time within which the share `quantile` (0 to 1) of them came, rounded up to a bound; 0 when there are none. */
  quantile(quantile: number): number {
    if (this.#total === 0) return 0;
    let rank = quantile * this.#total;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      rank -= this.#counts[bucket] as number;
      if (rank <= 0 && (this.#counts[bucket] as number) > 0) return upperBound(bucket);
    }
    return upperBound(BUCKETS - 1);
  }

  clear(): void {
    this.#counts.fill(0);
    this.#total = 0;
    this.#sinceHalved = 0;
  }

  #halve(): void {
    this.#sinceHalved = 0;
    this.#total /= 2;
    for (let bucket = 0; bucket < BUCKETS; bucket++) this.#counts[bucket] = (this.#counts[bucket] as number) / 2;
  }
}

function bucketOf(latencyMs: number): number {
  const bucket = Math.floor((Math.log2(latencyMs) - LOWEST_EXPONENT) * PER_DOUBLING);
  return Math.min(BUCKETS - 1, Math.max(0, bucket));
}

function upperBound(bucket: number): number {
  return 2 ** ((bucket + 1) / PER_DOUBLING + LOWEST_EXPONENT);
}
