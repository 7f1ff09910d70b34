// A wait that a signal can cut short.
import type { Timers } from '#lib/timers.ts';

/** Resolves after the time. Rejects with the signal's reason as soon as it aborts. */
export function pause(timers: Timers, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const giveUp = () => {
      cancel();
      reject(signal.reason);
    };
    const cancel = timers.set(() => {
      signal.removeEventListener('abort', giveUp);
      resolve();
    }, ms);
    signal.addEventListener('abort', giveUp, { once: true });
  });
}
