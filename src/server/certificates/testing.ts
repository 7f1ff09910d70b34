// Time for tests of what goes on by one timer after the other, with work of unknown length between them.
import type { ManualClock } from '#lib/clock.ts';
import type { Timers } from '#lib/timers.ts';

interface Pending {
  readonly at: number;
  readonly callback: () => void;
}

/** Timers of one owner that sets the next one when it has done what the last one was for. */
export class ChainedTimers implements Timers {
  readonly #clock: ManualClock;
  readonly #pending = new Set<Pending>();
  #set = 0;
  #wake: () => void = () => {};

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  set(callback: () => void, delayMs: number): () => void {
    const timer = { at: this.#clock.now() + delayMs, callback };
    this.#pending.add(timer);
    this.#set++;
    this.#wake();
    return () => void this.#pending.delete(timer);
  }

  /** Calls `begin`; resolves when what it set going has come to its end. */
  async settle(begin: () => void): Promise<void> {
    const before = this.#set;
    begin();
    while (this.#set === before)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
  }

  /** Lets time pass; resolves when all that this set going, one after the other, has come to its end. */
  async pass(ms: number): Promise<void> {
    const end = this.#clock.now() + ms;
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#clock.advance(next.at - this.#clock.now());
      this.#pending.delete(next);
      await this.settle(next.callback);
    }
    this.#clock.advance(end - this.#clock.now());
  }

  #next(end: number): Pending | undefined {
    const [first] = [...this.#pending].filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at);
    return first;
  }
}
