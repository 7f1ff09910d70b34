// A token bucket of one owner, in one thread. Where many keys or all workers share: see memory/keyed-table.ts.
import type { Clock } from './clock.ts';

export class TokenBucket {
  readonly #clock: Clock;
  readonly #perMs: number;
  readonly #size: number;
  #tokens: number;
  #filledAt: number;

  /** Full in the beginning: `size` tokens, to which `perSecond` come. */
  constructor(clock: Clock, perSecond: number, size: number) {
    this.#clock = clock;
    this.#perMs = perSecond / 1000;
    this.#size = size;
    this.#tokens = size;
    this.#filledAt = clock.now();
  }

  /** Takes a token; returns whether there was one. */
  take(): boolean {
    const now = this.#clock.now();
    this.#tokens = Math.min(this.#size, this.#tokens + (now - this.#filledAt) * this.#perMs);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
