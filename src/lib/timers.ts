// Timers that are handed in, so that tests and simulations turn the clock themselves. For what must come to the millisecond; where
// many wait for the same time, see deadlines.ts.

export interface Timers {
  /** Calls `callback` once after the time; returns how to take that back. */
  set(callback: () => void, delayMs: number): () => void;
}

/** Timers of the system, which keep the process from nothing. */
export const systemTimers: Timers = {
  set(callback, delayMs) {
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
