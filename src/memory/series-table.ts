// Metric series in shared memory: each worker writes cells of its own, the main thread adds them up.
import type { Clock } from '#lib/clock.ts';
import { type SegmentLayout, SlotAllocator } from './segments.ts';

/**
 * One worker's cells of one series. The worker is the only writer, so plain additions are enough; doubles count exactly up
 * to 2^53 and are not torn on the platforms Node runs on.
 */
export type Series = Float64Array;

/** Cells of a series; what each of them means is told by `telemetry/series.ts`. */
export const CELLS_PER_SERIES = 96;

const SLOTS_PER_SEGMENT = 256;
const BYTES_PER_SERIES = CELLS_PER_SERIES * Float64Array.BYTES_PER_ELEMENT;

export interface SeriesLayout extends SegmentLayout {
  readonly workers: number;
}

export class SeriesTable {
  readonly #workers: number;
  readonly #gauges: readonly number[];
  readonly #allocator: SlotAllocator;

  /** `workers` is the most workers there can be; `gauges` are the cells that count what is present. */
  constructor(workers: number, gauges: readonly number[], clock: Clock) {
    this.#workers = workers;
    this.#gauges = gauges;
    this.#allocator = new SlotAllocator(SLOTS_PER_SEGMENT, SLOTS_PER_SEGMENT * BYTES_PER_SERIES * workers, clock);
  }

  get layout(): SeriesLayout {
    return { ...this.#allocator.layout, workers: this.#workers };
  }

  allocate(key: string): number {
    return this.#allocator.allocate(key, {
      isQuiet: (slot) => this.#gauges.every((cell) => this.total(slot, cell) === 0),
      clean: (slot) => {
        for (let worker = 0; worker < this.#workers; worker++) this.#open(worker, slot).fill(0);
      },
    });
  }

  retain(keys: ReadonlySet<string>): void {
    this.#allocator.retain(keys);
  }

  /** The sum over all workers of one cell. */
  total(slot: number, cell: number): number {
    let sum = 0;
    for (let worker = 0; worker < this.#workers; worker++) sum += this.#open(worker, slot)[cell] as number;
    return sum;
  }

  /** The largest that any worker has in one cell. */
  largest(slot: number, cell: number): number {
    let largest = 0;
    for (let worker = 0; worker < this.#workers; worker++)
      largest = Math.max(largest, this.#open(worker, slot)[cell] as number);
    return largest;
  }

  /** A worker has died: what it counted as present is no longer; what it counted as past stays. */
  clearGauges(worker: number): void {
    for (let slot = 0; slot < this.#allocator.handedOut; slot++) {
      const series = this.#open(worker, slot);
      for (const cell of this.#gauges) series[cell] = 0;
    }
  }

  #open(worker: number, slot: number): Series {
    return openSeries(this.#allocator.segments, worker, slot);
  }
}

/** A worker's view of a series. */
export function openSeries(segments: readonly SharedArrayBuffer[], worker: number, slot: number): Series {
  const segment = segments[Math.floor(slot / SLOTS_PER_SEGMENT)];
  if (!segment) throw new RangeError(`no segment holds series ${slot}`);
  const index = worker * SLOTS_PER_SEGMENT + (slot % SLOTS_PER_SEGMENT);
  return new Float64Array(segment, index * BYTES_PER_SERIES, CELLS_PER_SERIES);
}
