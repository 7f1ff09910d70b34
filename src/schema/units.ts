// Quantities with units as people write them: times, sizes, rates, shares.

const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const SIZE_UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
};
const RATE_UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Timers count milliseconds in 31 bits. */
const MAX_DURATION_MS = 2_147_483_647;

/** `count` in each `perMs` milliseconds. */
export interface Rate {
  readonly count: number;
  readonly perMs: number;
}

/** Milliseconds of `1.5s`, or a sentence that says what is wrong. */
export function parseDuration(text: string): number | string {
  const ms = parseLongDuration(text);
  return typeof ms === 'string' || ms <= MAX_DURATION_MS ? ms : `"${text}" is longer than the most there is, 24 days`;
}

/** The same without that limit, for times that nobody waits for. */
export function parseLongDuration(text: string): number | string {
  const match = /^([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)?$/.exec(text);
  if (!match) return `"${text}" is not a duration such as 500ms, 30s, 5m, 2h or 1d`;
  if (!match[2]) return `"${text}" lacks a unit: write ${text}ms, ${text}s or ${text}m`;
  return Number(match[1]) * (DURATION_UNITS[match[2]] as number);
}

/** Like `parseDuration`, but for times that mean nothing when they are over at once. */
export function parsePositiveDuration(text: string): number | string {
  const ms = parseDuration(text);
  return ms === 0 ? `"${text}" is no time at all; it must be longer` : ms;
}

/** Bytes of `8MiB`, or a sentence that says what is wrong. */
export function parseSize(text: string): number | string {
  const match = /^([0-9]+(?:\.[0-9]+)?)(B|KB|MB|GB|KiB|MiB|GiB)?$/.exec(text);
  if (!match) return `"${text}" is not a size such as 512B, 16KiB, 8MiB or 1GB`;
  if (!match[2]) return `"${text}" lacks a unit: write ${text}B, ${text}KiB or ${text}MiB`;
  const bytes = Math.round(Number(match[1]) * (SIZE_UNITS[match[2]] as number));
  return Number.isSafeInteger(bytes) ? bytes : `"${text}" is too large`;
}

/** Like `parseSize`, for the flow-control windows of HTTP/2 (RFC 9113 6.9.1): from what every connection begins with to 2^31-1. */
export function parseWindow(text: string): number | string {
  const bytes = parseSize(text);
  if (typeof bytes === 'string' || (bytes >= 65_535 && bytes <= 2_147_483_647)) return bytes;
  return `"${text}" is no window of HTTP/2: from 64KiB to below 2GiB`;
}

/** The rate `100/s`, or a sentence that says what is wrong. */
export function parseRate(text: string): Rate | string {
  const match = /^([0-9]+(?:\.[0-9]+)?)\/(s|m|h|d)$/.exec(text);
  if (!match || Number(match[1]) <= 0) return `"${text}" is not a rate such as 100/s, 10/m, 5/h or 1000/d`;
  return { count: Number(match[1]), perMs: RATE_UNITS[match[2] as string] as number };
}

/** 0.2 of `20%`, or a sentence that says what is wrong. */
export function parsePercentage(text: string): number | string {
  const match = /^([0-9]+(?:\.[0-9]+)?)%$/.exec(text);
  const share = match ? Number(match[1]) / 100 : Number.NaN;
  return share >= 0 && share <= 1 ? share : `"${text}" is not a share from 0% to 100%`;
}
