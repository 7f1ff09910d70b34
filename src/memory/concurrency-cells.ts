// How many requests are under way to an upstream and wait for it, over all workers, how many may be, and by which latencies that was found
// out. Lock free.

const IN_FLIGHT = 0;
const WAITING = 1;
/** The limit that was found out, times `FRACTION`; 0 before the first. */
const LIMIT = 2;
/** Tick of the last change of the limit. */
const CHANGED_AT = 3;
/** The epoch that goes on, and the least latency of each of the last ones in microseconds; 0 where there was none. */
const EPOCH = 4;
const BEST = 5;
const EPOCHS = 5;
/** Of each worker, its share of the requests in flight and of those that wait. */
const SHARES = BEST + EPOCHS;
const CELLS_PER_SHARE = 2;

const FRACTION = 256;
const MAX_LATENCY_US = 2_000_000_000;

export class ConcurrencyCells {
  readonly #cells: Int32Array;
  readonly #share: number;

  /** How many cells it takes. */
  static sizeFor(workers: number): number {
    return SHARES + CELLS_PER_SHARE * workers;
  }

  constructor(cells: Int32Array, worker: number) {
    this.#cells = cells;
    this.#share = SHARES + CELLS_PER_SHARE * worker;
  }

  get inFlight(): number {
    return Atomics.load(this.#cells, IN_FLIGHT);
  }

  get waiting(): number {
    return Atomics.load(this.#cells, WAITING);
  }

  /** 0 when none was found out yet. */
  get limit(): number {
    return Atomics.load(this.#cells, LIMIT) / FRACTION;
  }

  /** Takes a place, if there is one below `limit`. */
  tryBegin(limit: number): boolean {
    if (Atomics.add(this.#cells, IN_FLIGHT, 1) >= limit) {
      Atomics.sub(this.#cells, IN_FLIGHT, 1);
      return false;
    }
    this.#addToShare(IN_FLIGHT, 1);
    return true;
  }

  end(): void {
    Atomics.sub(this.#cells, IN_FLIGHT, 1);
    this.#addToShare(IN_FLIGHT, -1);
  }

  /** One more waits (`change` 1), or one less (-1). */
  changeWaiting(change: 1 | -1): void {
    Atomics.add(this.#cells, WAITING, change);
    this.#addToShare(WAITING, change);
  }

  /**
   * Lets one worker at a time change the limit, and at most once in `everyTicks`: returns whether it is this one, now. Ticks are
   * counted by the caller, alike in all workers.
   */
  mayChangeLimit(tick: number, everyTicks: number): boolean {
    const before = Atomics.load(this.#cells, CHANGED_AT);
    if (((tick - before) | 0) < everyTicks && before !== 0) return false;
    return Atomics.compareExchange(this.#cells, CHANGED_AT, before, tick) === before;
  }

  /** Puts the next change by `mayChangeLimit` off. */
  deferChange(ticks: number): void {
    Atomics.add(this.#cells, CHANGED_AT, ticks);
  }

  /** Epochs are numbered from 1. Returns whether this worker is the one that begins this one, and it is not the first of all. */
  beginEpoch(epoch: number): boolean {
    const before = Atomics.load(this.#cells, EPOCH);
    if (epoch === before || Atomics.compareExchange(this.#cells, EPOCH, before, epoch) !== before) return false;
    const passed = Math.min(EPOCHS, epoch - before);
    for (let i = 0; i < passed; i++) Atomics.store(this.#cells, bestOf(epoch - i), 0);
    return before !== 0;
  }

  /** Takes a latency into its epoch. Not for two workers at a time: the lower one may be lost. */
  noteLatency(epoch: number, latencyMs: number): void {
    const best = Atomics.load(this.#cells, bestOf(epoch));
    const latency = Math.min(MAX_LATENCY_US, Math.max(1, Math.round(latencyMs * 1000)));
    if (best === 0 || latency < best) Atomics.store(this.#cells, bestOf(epoch), latency);
  }

  /** The least latency of the last epochs in milliseconds; infinite when there was none. */
  get bestLatencyMs(): number {
    let best = Number.POSITIVE_INFINITY;
    for (let i = 0; i < EPOCHS; i++) best = Math.min(best, Atomics.load(this.#cells, BEST + i) || best);
    return best / 1000;
  }

  setLimit(limit: number): void {
    Atomics.store(this.#cells, LIMIT, Math.round(limit * FRACTION));
  }

  /** The worker has died. */
  giveBack(): void {
    for (const cell of [IN_FLIGHT, WAITING]) {
      Atomics.sub(this.#cells, cell, this.#cells[this.#share + cell] as number);
      this.#cells[this.#share + cell] = 0;
    }
  }

  #addToShare(cell: number, amount: number): void {
    this.#cells[this.#share + cell] = (this.#cells[this.#share + cell] as number) + amount;
  }
}

function bestOf(epoch: number): number {
  return BEST + (epoch % EPOCHS);
}
