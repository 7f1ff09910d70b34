// When a certificate is renewed, and when it is tried again after a failure. Pure.
import type { Random } from '#lib/random.ts';
import type { RenewalWindow } from './directory.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Without a window, renewals are spread over this share of the lifetime, so that certificates of one day do not all come at once. */
const SPREAD = 0.02;

/** Between an attempt that failed and the next; it grows, so that a mistake stays below what authorities allow in failures an hour. */
const FIRST_RETRY_MS = MINUTE_MS;
const RETRY_GROWTH = 4;
const MAX_RETRY_MS = 4 * HOUR_MS;
/** Nobody is taken at a word that keeps us from asking for longer. */
const MAX_WAIT_MS = 7 * DAY_MS;

/** RFC 9773 section 4.3.2 names these as reasonable. */
const MIN_WINDOW_LIFE_MS = MINUTE_MS;
const MAX_WINDOW_LIFE_MS = DAY_MS;
/** Where the server does not say. */
const WINDOW_LIFE_MS = 6 * HOUR_MS;

export interface Validity {
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** A server that wants everything renewed always is not believed for so much of a lifetime: it would be asked without an end. */
const MIN_AGE_SHARE = 0.1;
const MAX_MIN_AGE_MS = DAY_MS;

/** RFC 9773 section 4.2: "Select a uniform random time within the suggested window." */
export function timeInWindow({ notBefore, notAfter }: Validity, { start, end }: RenewalWindow, random: Random): number {
  const minAgeMs = Math.min(MAX_MIN_AGE_MS, (notAfter - notBefore) * MIN_AGE_SHARE);
  return Math.max(start + (end - start) * random(), notBefore + minAgeMs);
}

/** When to renew where the server suggests nothing: after `share` of the lifetime, a little later by chance. */
export function timeByShare({ notBefore, notAfter }: Validity, share: number, random: Random): number {
  return notBefore + (notAfter - notBefore) * (share + (1 - share) * SPREAD * random());
}

/** How long to wait after so many failures in a row, and at least what the server wants. */
export function retryDelay(failures: number, wantedMs: number, random: Random): number {
  const delay = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * RETRY_GROWTH ** (failures - 1));
  return Math.max(delay * (0.8 + 0.4 * random()), Math.min(wantedMs, MAX_WAIT_MS));
}

/** How long a window holds of which the server said so. */
export function windowLife(retryAfterMs: number): number {
  if (retryAfterMs === 0) return WINDOW_LIFE_MS;
  return Math.min(MAX_WINDOW_LIFE_MS, Math.max(MIN_WINDOW_LIFE_MS, retryAfterMs));
}
