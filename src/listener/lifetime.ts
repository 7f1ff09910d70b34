// The longest time that a connection or session may last, apart from the deadline that moves whenever something moves.
import type { Deadlined, DeadlineEntry, Deadlines } from '#lib/deadlines.ts';

export class Lifetime implements Deadlined {
  deadline: DeadlineEntry | undefined = undefined;
  readonly onDeadline: () => void;
  readonly #deadlines: Deadlines;

  /** Calls `onOver` once, after `durationMs`. */
  constructor(deadlines: Deadlines, durationMs: number, onOver: () => void) {
    this.onDeadline = onOver;
    this.#deadlines = deadlines;
    deadlines.set(this, durationMs);
  }

  clear(): void {
    this.#deadlines.clear(this);
  }
}
