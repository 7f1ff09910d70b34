// Timers as they are handed in, so that tests turn the clock; and the system's.

/** Sets timers. */
export interface Timers {
  /** Returns how to take the timer back. */
  set(callback: () => void, delayMs: number): () => void;
}

/** Timers that keep the process from nothing. */
export const systemTimers: Timers = {
  set(callback, delayMs) {
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
