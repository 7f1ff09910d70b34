// Counts the streams that a client resets, against what servers take for an attack: since CVE-2023-44487 they end connections on which
// too many are. Not for what clients do to us: that is FloodMeter.

const PERIOD_MS = 30_000;
/**
 * The strictest servers that are in wide use let 200 streams within 30 s be reset (Netty; those on nghttp2 let 1000, and then 33 a second).
 * Two periods of ours and the streams that are open at the end, 100 by default, are no more than that.
 */
const MANY = 50;

export class ResetMeter {
  readonly #now: () => number;
  #count = 0;
  #since = 0;

  /** `now` gives monotonic milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Whether so many were reset of late that the server should see no more. */
  get isHigh(): boolean {
    return this.#count >= MANY && this.#now() - this.#since < PERIOD_MS;
  }

  count(): void {
    const now = this.#now();
    if (now - this.#since >= PERIOD_MS) {
      this.#since = now;
      this.#count = 0;
    }
    this.#count++;
  }
}
