// The clock and the timers of a simulation: time passes only when there is nothing left to do at the present moment.
import type { Clock } from '#lib/clock.ts';
import { Heap } from '#lib/heap.ts';

interface Timer {
  readonly at: number;
  /** Timers of one moment run in the order in which they were set. */
  readonly order: number;
  /** `undefined` once it was taken back. */
  callback: (() => void) | undefined;
}

export class VirtualTime implements Clock {
  readonly #wallStart: number;
  readonly #timers = new Heap<Timer>((a, b) => a.at < b.at || (a.at === b.at && a.order < b.order));
  #now = 0;
  #order = 0;

  /** `wallStart` is what the wall clock shows at the beginning: milliseconds since 1970. */
  constructor(wallStart: number) {
    this.#wallStart = wallStart;
  }

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.#wallStart + this.#now;
  }

  /** Calls back after `delayMs`; returns how to take the timer back. */
  set(callback: () => void, delayMs: number): () => void {
    const timer: Timer = { at: this.#now + Math.max(0, delayMs), order: this.#order++, callback };
    this.#timers.push(timer);
    return () => {
      timer.callback = undefined;
    };
  }

  /** Runs one timer after the other, each with all that follows from it, until `isDone` or no timer is left. */
  async run(isDone: () => boolean): Promise<void> {
    while (!isDone()) {
      const timer = this.#timers.pop();
      if (!timer) return;
      if (!timer.callback) continue;
      this.#now = timer.at;
      timer.callback();
      await settled();
    }
  }
}

/**
 * Resolves when every promise has settled that can do so without a timer or the outside: Node calls what a microtask gave to
 * `nextTick` when no microtask is left. A turn of the event loop would do as well, at several times the cost.
 */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    queueMicrotask(() => process.nextTick(resolve));
  });
}
