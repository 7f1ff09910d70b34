// What a simulation measures: one row a request, or one an attempt, kept in columns; and what is worked out of them.

/** One request or attempt. */
export interface Row {
  readonly startMs: number;
  readonly endMs: number;
  /** Number of the endpoint that it ended at; -1 when the gateway answered itself. */
  readonly endpoint: number;
  /** 0 for an attempt that got no response. */
  readonly status: number;
}

/** Grows by doubling; a million rows take 24 MB. */
export class Samples {
  #size = 0;
  #starts = new Float64Array(1024);
  #ends = new Float64Array(1024);
  #endpoints = new Int32Array(1024);
  #statuses = new Int32Array(1024);

  get size(): number {
    return this.#size;
  }

  add({ startMs, endMs, endpoint, status }: Row): void {
    if (this.#size === this.#starts.length) this.#grow();
    this.#starts[this.#size] = startMs;
    this.#ends[this.#size] = endMs;
    this.#endpoints[this.#size] = endpoint;
    this.#statuses[this.#size] = status;
    this.#size++;
  }

  /** All rows in the order added. */
  *rows(): Generator<Row> {
    for (let i = 0; i < this.#size; i++) {
      yield {
        startMs: this.#starts[i] as number,
        endMs: this.#ends[i] as number,
        endpoint: this.#endpoints[i] as number,
        status: this.#statuses[i] as number,
      };
    }
  }

  #grow(): void {
    const size = this.#size * 2;
    this.#starts = grown(this.#starts, new Float64Array(size));
    this.#ends = grown(this.#ends, new Float64Array(size));
    this.#endpoints = grown(this.#endpoints, new Int32Array(size));
    this.#statuses = grown(this.#statuses, new Int32Array(size));
  }
}

function grown<Column extends Float64Array | Int32Array>(from: Column, to: Column): Column {
  to.set(from);
  return to;
}

/** Milliseconds; percentiles are exact, by the nearest rank; all `null` where there was nothing to measure. */
export interface Latencies {
  readonly mean: number | null;
  readonly p50: number | null;
  readonly p99: number | null;
  readonly max: number | null;
}

export function latenciesOf(durations: readonly number[]): Latencies {
  const sorted = Float64Array.from(durations).sort();
  const { length } = sorted;
  if (length === 0) return { mean: null, p50: null, p99: null, max: null };
  const rank = (share: number) => rounded(sorted[Math.ceil(share * length) - 1] as number);
  return {
    mean: rounded(sorted.reduce((sum, ms) => sum + ms, 0) / length),
    p50: rank(0.5),
    p99: rank(0.99),
    max: rank(1),
  };
}

/** To the microsecond. */
export function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

/** The time of a simulation, cut into equal parts. */
export interface Slices {
  readonly count: number;
  readonly widthMs: number;
}

/** The slice in which a time falls; the last one takes what comes behind it. */
export function sliceOf(ms: number, { count, widthMs }: Slices): number {
  return Math.min(count - 1, Math.floor(ms / widthMs));
}

/** How many of the rows are under way in the mean of each slice. */
export function meanInFlight(rows: Iterable<Row>, slices: Slices): readonly number[] {
  const { count, widthMs } = slices;
  const busyMs = new Float64Array(count);
  for (const { startMs, endMs } of rows) {
    const last = sliceOf(endMs, slices);
    for (let slice = sliceOf(startMs, slices); slice <= last; slice++) {
      const overlap = Math.min(endMs, (slice + 1) * widthMs) - Math.max(startMs, slice * widthMs);
      busyMs[slice] = (busyMs[slice] as number) + Math.max(0, overlap);
    }
  }
  return Array.from(busyMs, (ms) => rounded(ms / widthMs));
}

/** The 99th percentile of the durations of rows by the slice they began in; `null` where none did. */
export function p99BySlice(rows: Iterable<Row>, slices: Slices): readonly (number | null)[] {
  const durations = Array.from({ length: slices.count }, (): number[] => []);
  for (const { startMs, endMs } of rows) durations[sliceOf(startMs, slices)]?.push(endMs - startMs);
  return durations.map((ms) => latenciesOf(ms).p99);
}
