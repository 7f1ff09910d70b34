// Wall-clock times that fit an Int32 of shared memory: they are kept in ticks and wrap around; differences of up to two years are right.

export const TICK_MS = 32;

export function ticksOf(wallMs: number): number {
  return Math.floor(wallMs / TICK_MS) | 0;
}

/** Milliseconds from one tick to a later one; 0 when it is not later. */
export function msBetween(earlier: number, later: number): number {
  return Math.max(0, (later - earlier) | 0) * TICK_MS;
}
