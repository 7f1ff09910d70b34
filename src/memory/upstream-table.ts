// What all threads know of each upstream: its budget of retries, its circuit, how many requests are under way and wait.
import type { Clock } from '#lib/clock.ts';
import { CircuitBreaker, type CircuitSettings } from './circuit-breaker.ts';
import { ConcurrencyCells } from './concurrency-cells.ts';
import { RetryBudget } from './retry-budget.ts';
import { type SegmentLayout, SlotAllocator } from './segments.ts';

// Cells of one upstream, each an Int32: three parts on cache lines of their own, the last one with a share for each worker.
const CIRCUIT = 16;
const CONCURRENCY = 32;

const SLOTS_PER_SEGMENT = 64;

export interface UpstreamLayout extends SegmentLayout {
  readonly workers: number;
}

/** One upstream's shared state, as one thread opens it. */
export class UpstreamCells {
  readonly #cells: Int32Array;
  readonly #worker: number;

  /** `worker` is the number of the worker, or -1 on the main thread, which sends no requests. */
  constructor(cells: Int32Array, worker: number) {
    this.#cells = cells;
    this.#worker = worker;
  }

  /** `share` of requests may be retried: 0 to 1. */
  budget(share: number): RetryBudget {
    return new RetryBudget(this.#cells.subarray(0, CIRCUIT), share);
  }

  breaker(settings: CircuitSettings, clock: Clock): CircuitBreaker {
    return new CircuitBreaker(this.#cells.subarray(CIRCUIT, CONCURRENCY), settings, clock);
  }

  get concurrency(): ConcurrencyCells {
    return new ConcurrencyCells(this.#cells.subarray(CONCURRENCY), this.#worker);
  }
}

/** Hands out upstreams' cells. Main thread only. */
export class UpstreamTable {
  readonly #workers: number;
  readonly #allocator: SlotAllocator;

  constructor(workers: number, clock: Clock) {
    this.#workers = workers;
    this.#allocator = new SlotAllocator(SLOTS_PER_SEGMENT, SLOTS_PER_SEGMENT * bytesPerUpstream(workers), clock);
  }

  get layout(): UpstreamLayout {
    return { ...this.#allocator.layout, workers: this.#workers };
  }

  allocate(key: string): number {
    return this.#allocator.allocate(key, {
      isQuiet: (slot) => this.open(slot).concurrency.inFlight === 0,
      clean: (slot) => rawCells(this.layout, slot).fill(0),
    });
  }

  retain(keys: ReadonlySet<string>): void {
    this.#allocator.retain(keys);
  }

  /** The main thread's view of an upstream. */
  open(slot: number): UpstreamCells {
    return openUpstream(this.layout, -1, slot);
  }

  /** A worker has died: its requests in flight and in queues are gone with it. */
  giveBack(worker: number): void {
    for (let slot = 0; slot < this.#allocator.handedOut; slot++) {
      openUpstream(this.layout, worker, slot).concurrency.giveBack();
    }
  }
}

/** A worker's view of the upstream in `slot`. */
export function openUpstream(layout: UpstreamLayout, worker: number, slot: number): UpstreamCells {
  return new UpstreamCells(rawCells(layout, slot), worker);
}

/** Cells that nobody else sees, for one worker. */
export function detachedUpstream(): UpstreamCells {
  return new UpstreamCells(new Int32Array(bytesPerUpstream(1) / Int32Array.BYTES_PER_ELEMENT), 0);
}

function rawCells(layout: UpstreamLayout, slot: number): Int32Array {
  const segment = layout.segments[Math.floor(slot / SLOTS_PER_SEGMENT)];
  if (!segment) throw new RangeError(`no segment holds upstream ${slot}`);
  const bytes = bytesPerUpstream(layout.workers);
  return new Int32Array(segment, (slot % SLOTS_PER_SEGMENT) * bytes, bytes / Int32Array.BYTES_PER_ELEMENT);
}

/** A whole number of cache lines, so that upstreams do not slow each other down. */
function bytesPerUpstream(workers: number): number {
  const cells = CONCURRENCY + ConcurrencyCells.sizeFor(workers);
  return Math.ceil((cells * Int32Array.BYTES_PER_ELEMENT) / 64) * 64;
}
