// Timers that go off when a clock that stands still is turned on. For tests.
import type { ManualClock } from './clock.ts';
import type { Timers } from './timers.ts';

interface Pending {
  readonly at: number;
  readonly callback: () => void;
}

export class ManualTimers implements Timers {
  readonly #clock: ManualClock;
  readonly #pending = new Set<Pending>();

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  get pending(): number {
    return this.#pending.size;
  }

  set(callback: () => void, delayMs: number): () => void {
    const timer = { at: this.#clock.now() + delayMs, callback };
    this.#pending.add(timer);
    return () => void this.#pending.delete(timer);
  }

  /** Turns the clock on, and calls what comes due, each at its time; what is due at the same time in the order it was set. */
  pass(ms: number): void {
    const end = this.#clock.now() + ms;
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#clock.advance(next.at - this.#clock.now());
      this.#pending.delete(next);
      next.callback();
    }
    this.#clock.advance(end - this.#clock.now());
  }

  #next(end: number): Pending | undefined {
    let next: Pending | undefined;
    for (const timer of this.#pending) if (timer.at <= end && (!next || timer.at < next.at)) next = timer;
    return next;
  }
}
