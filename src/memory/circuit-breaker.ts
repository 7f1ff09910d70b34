// Keeps requests from an upstream that fails or dawdles too often, over all workers: closed, open for a while, then half-open for a few
// trials. Lock free; two workers may each count one request too many, which shares of many bear.
import type { Clock } from '#lib/clock.ts';
import { msBetween, ticksOf } from './ticks.ts';

export interface CircuitSettings {
  /** Requests of so long a time are looked at. */
  readonly windowMs: number;
  /** With fewer requests in the window the circuit stays closed. */
  readonly minRequests: number;
  /** Share of failures that opens it: 0 to 1. */
  readonly failureShare: number;
  /** Share of slow requests that opens it; more than 1 for never. */
  readonly slowShare: number;
  /** What is slow. */
  readonly slowMs: number;
  readonly openMs: number;
  /** Requests let through a half-open circuit; all must end well to close it. */
  readonly trials: number;
}

export type CircuitState = 'closed' | 'open' | 'half-open';

/** Whether a request may pass. */
export interface Passage {
  readonly isOpen: boolean;
  /** Of one of those by which a half-open circuit is tried: the tick at which the circuit had been opened; 0 of all others. */
  readonly trialOf: number;
  /** Until it is worth trying again, where the circuit is open. */
  readonly waitMs: number;
}

const CLOSED: Passage = { isOpen: false, trialOf: 0, waitMs: 0 };

/** The tick at which it was opened; 0 while it is closed. */
const OPENED_AT = 0;
/** Trials begun, those that ended well, and the tick of the last that began. */
const TRIALS = 1;
const GOOD_TRIALS = 2;
const TRIAL_AT = 3;
/** The half of a window that is counted now, as a number that grows; then what was counted in this half and in the one before. */
const HALF = 4;
const COUNTS = 5;
const REQUESTS = 0;
const FAILURES = 1;
const SLOW = 2;
const COUNTS_PER_HALF = 3;

export class CircuitBreaker {
  readonly #cells: Int32Array;
  readonly #settings: CircuitSettings;
  readonly #clock: Clock;
  /** Called by the one worker that opens or closes it. */
  onChange: ((state: CircuitState, reason: string) => void) | undefined;

  /** `cells` are eleven Int32, zero in the beginning. */
  constructor(cells: Int32Array, settings: CircuitSettings, clock: Clock) {
    this.#cells = cells;
    this.#settings = settings;
    this.#clock = clock;
  }

  get state(): CircuitState {
    const openedAt = Atomics.load(this.#cells, OPENED_AT);
    if (openedAt === 0) return 'closed';
    return msBetween(openedAt, this.#now) < this.#settings.openMs ? 'open' : 'half-open';
  }

  /** A request asks to pass. */
  enter(): Passage {
    const cells = this.#cells;
    const openedAt = Atomics.load(cells, OPENED_AT);
    if (openedAt === 0) return CLOSED;
    const { openMs, trials } = this.#settings;
    const now = this.#now;
    const openFor = msBetween(openedAt, now);
    if (openFor < openMs) return { isOpen: true, trialOf: 0, waitMs: openMs - openFor };
    // Trials whose end nobody tells, as their worker has died, are not waited for.
    if (Atomics.load(cells, TRIALS) >= trials && msBetween(Atomics.load(cells, TRIAL_AT), now) > openMs)
      this.#beginTrials();
    if (Atomics.add(cells, TRIALS, 1) >= trials) {
      Atomics.sub(cells, TRIALS, 1);
      return { isOpen: true, trialOf: 0, waitMs: 1000 };
    }
    Atomics.store(cells, TRIAL_AT, now);
    return { isOpen: false, trialOf: openedAt, waitMs: 0 };
  }

  /** A request that passed has ended: `ok` is `undefined` where that says nothing of the upstream. */
  record({ trialOf }: Passage, ok: boolean | undefined, latencyMs: number): void {
    const { slowShare, slowMs } = this.#settings;
    const isSlow = slowShare <= 1 && latencyMs > slowMs;
    if (trialOf !== 0) this.#recordTrial(trialOf, ok, isSlow);
    else if (ok !== undefined && Atomics.load(this.#cells, OPENED_AT) === 0) this.#count(ok, isSlow);
  }

  #recordTrial(openedAt: number, ok: boolean | undefined, isSlow: boolean): void {
    const cells = this.#cells;
    // The circuit has been closed or opened again meanwhile: what was tried is decided.
    if (Atomics.load(cells, OPENED_AT) !== openedAt) return;
    if (ok === undefined) {
      Atomics.sub(cells, TRIALS, 1);
    } else if (!ok || isSlow) {
      if (!this.#change(openedAt, this.#now || 1)) return;
      this.#beginTrials();
      this.onChange?.('open', ok ? 'a trial was slow' : 'a trial failed');
    } else if (Atomics.add(cells, GOOD_TRIALS, 1) + 1 >= this.#settings.trials) {
      cells.fill(0, HALF);
      if (!this.#change(openedAt, 0)) return;
      this.#beginTrials();
      this.onChange?.('closed', `${this.#settings.trials} trials ended well`);
    }
  }

  /** Returns whether it is this worker that opens or closes it. */
  #change(from: number, to: number): boolean {
    return Atomics.compareExchange(this.#cells, OPENED_AT, from, to) === from;
  }

  #beginTrials(): void {
    Atomics.store(this.#cells, TRIALS, 0);
    Atomics.store(this.#cells, GOOD_TRIALS, 0);
  }

  #count(ok: boolean, isSlow: boolean): void {
    const current = this.#currentHalf();
    Atomics.add(this.#cells, current + REQUESTS, 1);
    if (!ok) Atomics.add(this.#cells, current + FAILURES, 1);
    if (isSlow) Atomics.add(this.#cells, current + SLOW, 1);
    if (ok && !isSlow) return;
    const { minRequests, failureShare, slowShare } = this.#settings;
    const requests = this.#total(REQUESTS);
    if (requests < minRequests) return;
    if (this.#total(FAILURES) >= requests * failureShare) this.#open(`${this.#total(FAILURES)} of ${requests} failed`);
    else if (this.#total(SLOW) >= requests * slowShare) this.#open(`${this.#total(SLOW)} of ${requests} were slow`);
  }

  #open(reason: string): void {
    this.#beginTrials();
    if (this.#change(0, this.#now || 1)) this.onChange?.('open', reason);
  }

  /** Where the counts of the present half begin; a half that was left long ago is emptied. */
  #currentHalf(): number {
    const cells = this.#cells;
    const half = Math.floor(this.#clock.wall() / (this.#settings.windowMs / 2)) | 0;
    const before = Atomics.load(cells, HALF);
    if (before !== half && Atomics.compareExchange(cells, HALF, before, half) === before) {
      if (half !== before + 1) cells.fill(0, COUNTS, COUNTS + 2 * COUNTS_PER_HALF);
      else cells.fill(0, countsOf(half), countsOf(half) + COUNTS_PER_HALF);
    }
    return countsOf(half);
  }

  #total(what: number): number {
    return Atomics.load(this.#cells, COUNTS + what) + Atomics.load(this.#cells, COUNTS + COUNTS_PER_HALF + what);
  }

  get #now(): number {
    return ticksOf(this.#clock.wall());
  }
}

function countsOf(half: number): number {
  return COUNTS + (half & 1) * COUNTS_PER_HALF;
}
