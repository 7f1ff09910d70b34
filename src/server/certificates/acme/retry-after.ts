// The field Retry-After (RFC 9110 section 10.2.3) as a client reads it.

/** Milliseconds from `wallMs` on; 0 when there is no such field, it makes no sense, or its time is over. */
export function parseRetryAfter(value: string | undefined, wallMs: number): number {
  if (value === undefined) return 0;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const time = Date.parse(value);
  return Number.isNaN(time) ? 0 : Math.max(0, time - wallMs);
}
