// What all threads know of each endpoint: its status, its requests in flight, its failures in a row.
import type { Clock } from '#lib/clock.ts';
import { type SegmentLayout, SlotAllocator } from './segments.ts';
import { msBetween, ticksOf } from './ticks.ts';

export const ENDPOINT_STATUSES = ['unknown', 'healthy', 'unhealthy', 'ejected', 'draining', 'warming'] as const;

/** `unknown` is an endpoint that no probe has judged yet: it takes requests. `warming` is one that must pass its probes first. */
export type EndpointStatus = (typeof ENDPOINT_STATUSES)[number];

/** Whether an endpoint of this status takes new requests, other than in panic. */
export function takesRequests(status: EndpointStatus): boolean {
  return status === 'healthy' || status === 'unknown';
}

/** Whether an endpoint with this status is out because it does not work, or has yet to show that it does. */
export function isDown(status: EndpointStatus): boolean {
  return !takesRequests(status) && status !== 'draining';
}

// Cells of one endpoint, each an Int32: some for all, then each worker's share of the requests in flight.
const STATUS = 0;
const IN_FLIGHT = 1;
const FAILURES = 2;
/** Average latency in microseconds, and the tick of its last change. */
const LATENCY = 3;
const LATENCY_AT = 4;
/** The tick at which it became usable; 0 when it was so from the start. */
const READY_AT = 5;
const SHARES = 6;

const SLOTS_PER_SEGMENT = 256;

export interface EndpointLayout extends SegmentLayout {
  readonly workers: number;
  /** One Int32 that counts status changes. */
  readonly epoch: SharedArrayBuffer;
}

/** One endpoint's shared state, as one thread sees it. */
export class EndpointCells {
  readonly #cells: Int32Array;
  readonly #epoch: Int32Array;
  readonly #share: number;

  /** `worker` is the number of the worker, or -1 on the main thread, which sends no requests. */
  constructor(cells: Int32Array, epoch: Int32Array, worker: number) {
    this.#cells = cells;
    this.#epoch = epoch;
    this.#share = SHARES + worker;
  }

  /** Requests under way to the endpoint, over all workers. */
  get inFlight(): number {
    return Atomics.load(this.#cells, IN_FLIGHT);
  }

  get status(): EndpointStatus {
    return ENDPOINT_STATUSES[Atomics.load(this.#cells, STATUS)] as EndpointStatus;
  }

  /** Failures since the last success. */
  get failures(): number {
    return Atomics.load(this.#cells, FAILURES);
  }

  /** A request is about to be sent. */
  begin(): void {
    Atomics.add(this.#cells, IN_FLIGHT, 1);
    this.#cells[this.#share] = (this.#cells[this.#share] as number) + 1;
  }

  /** A request has ended, however it ended. */
  end(): void {
    Atomics.sub(this.#cells, IN_FLIGHT, 1);
    this.#cells[this.#share] = (this.#cells[this.#share] as number) - 1;
  }

  /** Returns how many failures in a row this one makes. */
  recordFailure(): number {
    return Atomics.add(this.#cells, FAILURES, 1) + 1;
  }

  recordSuccess(): void {
    // Nearly always nothing has failed, and a plain read costs no cache line.
    if (this.#cells[FAILURES] !== 0) Atomics.store(this.#cells, FAILURES, 0);
  }

  /**
   * Takes a latency into the average: at once when it is above, else with the more weight the longer ago the last one was.
   * `wallMs` is wall-clock time, which all threads share. Of two threads at a time one may be lost, which averages bear.
   */
  recordLatency(latencyMs: number, wallMs: number, decayMs: number): void {
    const age = this.#latencyAge(wallMs);
    const before = this.latencyMs(wallMs, decayMs);
    // Within a tick nothing decays: were its time taken down each time, busy endpoints would never recover from a peak.
    if (age === 0 && latencyMs <= before) return;
    const average = latencyMs > before ? latencyMs : before + latencyMs * (1 - Math.exp(-age / decayMs));
    Atomics.store(this.#cells, LATENCY, Math.min(MAX_LATENCY_US, Math.round(average * 1000)));
    Atomics.store(this.#cells, LATENCY_AT, ticksOf(wallMs));
  }

  /** The average latency in milliseconds, decayed to now; 0 when there is none. */
  latencyMs(wallMs: number, decayMs: number): number {
    const latency = Atomics.load(this.#cells, LATENCY) / 1000;
    return latency === 0 ? 0 : latency * Math.exp(-this.#latencyAge(wallMs) / decayMs);
  }

  /** Milliseconds since the last latency was taken in. */
  #latencyAge(wallMs: number): number {
    return msBetween(Atomics.load(this.#cells, LATENCY_AT), ticksOf(wallMs));
  }

  /** Milliseconds since the endpoint became usable; infinite when it was so from the start. */
  readyForMs(wallMs: number): number {
    const readyAt = Atomics.load(this.#cells, READY_AT);
    return readyAt === 0 ? Number.POSITIVE_INFINITY : msBetween(readyAt, ticksOf(wallMs));
  }

  /** Notes that the endpoint becomes usable now. To be called ahead of `setStatus`, on the main thread only. */
  markReady(wallMs: number): void {
    Atomics.store(this.#cells, READY_AT, ticksOf(wallMs) || 1);
  }

  /** Called on the main thread only, which alone judges endpoints. */
  setStatus(status: EndpointStatus): void {
    const value = ENDPOINT_STATUSES.indexOf(status);
    if (Atomics.exchange(this.#cells, STATUS, value) !== value) Atomics.add(this.#epoch, 0, 1);
  }
}

const MAX_LATENCY_US = 2_000_000_000;

/** Hands out endpoints' cells. Main thread only. */
export class EndpointTable {
  readonly #workers: number;
  readonly #epoch = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  readonly #allocator: SlotAllocator;

  constructor(workers: number, clock: Clock) {
    this.#workers = workers;
    this.#allocator = new SlotAllocator(SLOTS_PER_SEGMENT, SLOTS_PER_SEGMENT * bytesPerEndpoint(workers), clock);
  }

  get layout(): EndpointLayout {
    return { ...this.#allocator.layout, workers: this.#workers, epoch: this.#epoch };
  }

  allocate(key: string): number {
    return this.#allocator.allocate(key, {
      isQuiet: (slot) => Atomics.load(this.#raw(slot), IN_FLIGHT) === 0,
      clean: (slot) => this.#raw(slot).fill(0),
    });
  }

  retain(keys: ReadonlySet<string>): void {
    this.#allocator.retain(keys);
  }

  /** The main thread's view of an endpoint. */
  open(slot: number): EndpointCells {
    return new EndpointCells(this.#raw(slot), new Int32Array(this.#epoch), -1);
  }

  /** A worker has died: its requests in flight are gone with it. */
  giveBack(worker: number): void {
    for (let slot = 0; slot < this.#allocator.handedOut; slot++) {
      const cells = this.#raw(slot);
      Atomics.sub(cells, IN_FLIGHT, cells[SHARES + worker] as number);
      cells[SHARES + worker] = 0;
    }
  }

  #raw(slot: number): Int32Array {
    return rawCells(this.layout, slot);
  }
}

/** A worker's view of the endpoint in `slot`. */
export function openEndpoint(layout: EndpointLayout, worker: number, slot: number): EndpointCells {
  return new EndpointCells(rawCells(layout, slot), new Int32Array(layout.epoch), worker);
}

/** Returns how to read the count of status changes. */
export function epochReader(layout: EndpointLayout): () => number {
  const epoch = new Int32Array(layout.epoch);
  return () => Atomics.load(epoch, 0);
}

function rawCells(layout: EndpointLayout, slot: number): Int32Array {
  const segment = layout.segments[Math.floor(slot / SLOTS_PER_SEGMENT)];
  if (!segment) throw new RangeError(`no segment holds endpoint ${slot}`);
  const bytes = bytesPerEndpoint(layout.workers);
  return new Int32Array(segment, (slot % SLOTS_PER_SEGMENT) * bytes, bytes / Int32Array.BYTES_PER_ELEMENT);
}

/** A whole number of cache lines, so that endpoints do not slow each other down. */
function bytesPerEndpoint(workers: number): number {
  return Math.ceil(((SHARES + workers) * Int32Array.BYTES_PER_ELEMENT) / 64) * 64;
}
