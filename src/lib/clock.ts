// Where time comes from. Handed in everywhere, so that tests and simulations turn the hands themselves.
//
// Hot path: the global of that name is a property that Node fills at its first use, and each use of it looks whether it did.
import { performance } from 'node:perf_hooks';

export interface Clock {
  /** Monotonic milliseconds with fractions. */
  now(): number;
  /** Milliseconds since 1970. */
  wall(): number;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
};

/** A clock that stands still until told. */
export class ManualClock implements Clock {
  #now = 0;
  readonly #start: number;

  constructor(wallStart = Date.UTC(2026, 0, 1)) {
    this.#start = wallStart;
  }

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.#start + this.#now;
  }

  advance(ms: number): void {
    this.#now += ms;
  }
}
