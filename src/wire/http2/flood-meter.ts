// Bounds what a peer may make us do for nothing: counts frames that cost work and move nothing, within a period, against what an honest
// peer could need. Beyond a bound the connection ends with ENHANCE_YOUR_CALM (RFC 9113 10.5).
import { type AbuseKind, abuse } from './http2-error.ts';

const PERIOD_MS = 10_000;

/** How many a period. What an honest peer sends was looked at: a few SETTINGS in all, some PING a second (gRPC measures with them). */
const BOUNDS = {
  'settings-flood': 100,
  'ping-flood': 1000,
  'priority-flood': 1000,
  'window-update-flood': 1000,
  'empty-data-flood': 200,
  'unknown-frame-flood': 1000,
  'refused-flood': 1000,
} as const satisfies Partial<Record<AbuseKind, number>>;

export type FloodKind = keyof typeof BOUNDS;

/** Of so many streams within a second, more than half may not be given up. */
const RESET_PERIOD_MS = 1000;
const RESET_STREAMS = 500;

export class FloodMeter {
  readonly #now: () => number;
  #counts: Partial<Record<FloodKind, number>> = {};
  #startedAt = 0;
  #opened = 0;
  #reset = 0;
  #resetsSince = 0;

  /** `now` gives monotonic milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Counts one; `earned` is what the peer has had reason for beyond the bound. Throws when it is too much. */
  count(kind: FloodKind, earned = 0): void {
    const now = this.#now();
    if (now - this.#startedAt >= PERIOD_MS) {
      this.#startedAt = now;
      this.#counts = {};
    }
    const count = (this.#counts[kind] ?? 0) + 1;
    this.#counts[kind] = count;
    if (count > BOUNDS[kind] + earned) throw abuse(kind, `more than ${count - 1} within ${PERIOD_MS / 1000} s`);
  }

  /** The peer has opened a stream. */
  opened(): void {
    this.#opened++;
  }

  /** A stream was given up by the peer, or for a breach of it. Throws when that has happened to too many. */
  gaveUp(): void {
    const now = this.#now();
    if (now - this.#resetsSince >= RESET_PERIOD_MS) {
      this.#resetsSince = now;
      this.#opened = 0;
      this.#reset = 0;
    }
    // Streams that were opened before this period began may end in it.
    if (++this.#reset > RESET_STREAMS / 2 && this.#reset > this.#opened / 2)
      throw abuse('rapid-reset', `${this.#reset} streams given up within a second`);
  }
}
