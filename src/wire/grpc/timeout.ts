// The value of `grpc-timeout`: how long a call may take, as a number of at most eight digits and a unit.
// https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md

/** Milliseconds of each unit, the finest first. */
const UNITS: ReadonlyMap<string, number> = new Map([
  ['n', 1e-6],
  ['u', 1e-3],
  ['m', 1],
  ['S', 1000],
  ['M', 60_000],
  ['H', 3_600_000],
]);

const MAX_VALUE = 99_999_999;

/** Milliseconds; `undefined` for what is no timeout. The protocol wants a positive number; 0, which clients send all the same, is a time that has passed. */
export function parseGrpcTimeout(value: string): number | undefined {
  if (!/^[0-9]{1,8}[HMSmun]$/.test(value)) return undefined;
  return Number(value.slice(0, -1)) * (UNITS.get(value.slice(-1)) as number);
}

/** The value for so many milliseconds, never more than they are but for the least there is: one nanosecond. */
export function formatGrpcTimeout(ms: number): string {
  for (const [unit, unitMs] of UNITS) {
    const value = Math.floor(ms / unitMs);
    if (value <= MAX_VALUE) return `${Math.max(1, value)}${unit}`;
  }
  return `${MAX_VALUE}H`;
}
