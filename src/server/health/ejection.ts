// Ejections of one endpoint: each keeps it out for a time that grows with how often it has happened. Who is ejected is not decided
// here.
import type { Clock } from '#lib/clock.ts';
import type { Timers } from '#lib/timers.ts';

export const EJECTION_CAUSES = ['consecutive', 'success-rate', 'latency'] as const;

/** Failures in a row, or an outlier by one of two figures. */
export type EjectionCause = (typeof EJECTION_CAUSES)[number];

export interface EjectionTimes {
  readonly time: number;
  readonly 'max-time': number;
}

export class Ejection {
  readonly counts: Record<EjectionCause, number> = { consecutive: 0, 'success-rate': 0, latency: 0 };
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #ended: () => void;
  #inARow = 0;
  /** `Clock.now` when the last one ended. */
  #backAt = Number.NEGATIVE_INFINITY;
  #timer: (() => void) | undefined = undefined;

  constructor(clock: Clock, timers: Timers, ended: () => void) {
    this.#clock = clock;
    this.#timers = timers;
    this.#ended = ended;
  }

  get isActive(): boolean {
    return this.#timer !== undefined;
  }

  /** Must not be called while one is active. */
  begin(cause: EjectionCause, times: EjectionTimes): void {
    this.counts[cause]++;
    // An endpoint that has been well for as long as the longest ejection begins anew.
    const isRested = this.#clock.now() - this.#backAt > times['max-time'];
    this.#inARow = isRested ? 1 : this.#inARow + 1;
    this.#timer = this.#timers.set(
      () => {
        this.#timer = undefined;
        this.#backAt = this.#clock.now();
        this.#ended();
      },
      Math.min(times['max-time'], times.time * this.#inARow),
    );
  }

  stop(): void {
    this.#timer?.();
    this.#timer = undefined;
  }
}
