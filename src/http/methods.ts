// What the standard methods promise (RFC 9110 9.2).

const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/** RFC 9110 9.2.1. Unknown methods are not. */
export function isSafe(method: string): boolean {
  return SAFE.has(method);
}

/** RFC 9110 9.2.2. Unknown methods are not. */
export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method);
}
