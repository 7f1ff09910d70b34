// The system's timers, in the form in which they are handed in.
import type { Timers } from './health-monitor.ts';

/** Timers that keep the process from nothing. */
export const systemTimers: Timers = {
  set(callback, delayMs) {
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
