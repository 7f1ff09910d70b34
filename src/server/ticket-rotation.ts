// Draws the keys of TLS session tickets, one after the other, for all workers. Main thread only.
import { randomFillSync } from 'node:crypto';
import type { Timers } from '#lib/timers.ts';
import { TICKET_KEY_BYTES, type TicketKeys } from '#memory/ticket-keys.ts';

export class TicketRotation {
  readonly #keys: TicketKeys;
  readonly #timers: Timers;
  #intervalMs = 0;
  #cancel: () => void = () => {};

  constructor(keys: TicketKeys, timers: Timers) {
    this.#keys = keys;
    this.#timers = timers;
  }

  /** Draws a key every so often; the time already waited counts for nothing when the interval changes. */
  every(intervalMs: number): void {
    if (intervalMs === this.#intervalMs) return;
    this.#intervalMs = intervalMs;
    this.#wait();
  }

  stop(): void {
    this.#cancel();
    this.#intervalMs = 0;
  }

  #wait(): void {
    this.#cancel();
    this.#cancel = this.#timers.set(() => {
      const key = randomFillSync(new Uint8Array(TICKET_KEY_BYTES));
      this.#keys.rotate(key);
      key.fill(0);
      this.#wait();
    }, this.#intervalMs);
  }
}
