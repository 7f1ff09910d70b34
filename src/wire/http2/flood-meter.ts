// Bounds what a peer may make us do for nothing: counts frames that cost work and move nothing, within a period, against what an honest
// peer could need. Beyond a bound the connection ends with ENHANCE_YOUR_CALM (RFC 9113 10.5).
import { type AbuseKind, abuse } from './http2-error.ts';

const PERIOD_MS = 10_000;

interface Bound {
  /** So many a period in any case, */
  readonly free: number;
  /** so many more for each stream, */
  readonly perStream: number;
  /** and for each DATA frame that was sent, both within the period or the one before. */
  readonly perFrame: number;
}

/**
 * What honest peers send was looked at: a few SETTINGS in all; PING for each DATA frame (gRPC measures with them); WINDOW_UPDATE with each
 * stream that is opened, and for each DATA frame that of the stream and that of the connection; a priority, and then another one.
 */
const BOUNDS = {
  'settings-flood': { free: 100, perStream: 0, perFrame: 0 },
  'ping-flood': { free: 1000, perStream: 1, perFrame: 1 },
  'priority-flood': { free: 1000, perStream: 2, perFrame: 0 },
  'window-update-flood': { free: 1000, perStream: 2, perFrame: 2 },
  'empty-data-flood': { free: 200, perStream: 1, perFrame: 0 },
  'unknown-frame-flood': { free: 1000, perStream: 2, perFrame: 0 },
  'refused-flood': { free: 1000, perStream: 0, perFrame: 0 },
  'malformed-flood': { free: 100, perStream: 0.5, perFrame: 0 },
} as const satisfies Partial<Record<AbuseKind, Bound>>;

export type FloodKind = keyof typeof BOUNDS;

const RESET_PERIOD_MS = 1000;

export interface FloodMeterOptions {
  /** Gives monotonic milliseconds. */
  readonly now: () => number;
  /** Gives the number of DATA frames that were sent so far, those left out that were small for want of a window. */
  readonly frames: () => number;
  /** Streams that may be given up within a second in any case; beyond it, half of those that are opened. */
  readonly maxResets: number;
}

export class FloodMeter {
  readonly #now: () => number;
  readonly #frames: () => number;
  readonly #maxResets: number;
  #counts: Partial<Record<FloodKind, number>> = {};
  #startedAt = 0;
  #streams = 0;
  /** What they were when the period before the present one began. */
  #framesBefore = 0;
  #streamsBefore = 0;
  /** What they were when the present one began. */
  #framesAtStart = 0;
  #streamsAtStart = 0;
  #opened = 0;
  #reset = 0;
  #resetsSince = 0;

  constructor({ now, frames, maxResets }: FloodMeterOptions) {
    this.#now = now;
    this.#frames = frames;
    this.#maxResets = maxResets;
  }

  /** Counts one. Throws when it is too much. */
  count(kind: FloodKind): void {
    const now = this.#now();
    if (now - this.#startedAt >= PERIOD_MS) this.#beginPeriod(now);
    const count = (this.#counts[kind] ?? 0) + 1;
    this.#counts[kind] = count;
    const bound = BOUNDS[kind];
    if (count <= bound.free) return;
    const earned =
      bound.perStream * (this.#streams - this.#streamsBefore) + bound.perFrame * (this.#frames() - this.#framesBefore);
    if (count > bound.free + earned) throw abuse(kind, `more than ${count - 1} within ${PERIOD_MS / 1000} s`);
  }

  /** A stream was opened. */
  opened(): void {
    this.#streams++;
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
    if (++this.#reset > this.#maxResets && this.#reset > this.#opened / 2)
      throw abuse('rapid-reset', `${this.#reset} streams given up within a second`);
  }

  #beginPeriod(now: number): void {
    // Of what was sent long ago nothing can be due.
    const isNext = now - this.#startedAt < 2 * PERIOD_MS;
    const frames = this.#frames();
    this.#framesBefore = isNext ? this.#framesAtStart : frames;
    this.#streamsBefore = isNext ? this.#streamsAtStart : this.#streams;
    this.#framesAtStart = frames;
    this.#streamsAtStart = this.#streams;
    this.#startedAt = now;
    this.#counts = {};
  }
}
