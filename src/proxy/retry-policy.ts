// When a request may be sent again, and how long to wait before. Pure but for chance.
import type { Random } from '#lib/random.ts';
import type { Exchange } from '#model/exchange.ts';
import { failureKindOf } from '#model/failure-kind.ts';
import type { ProxyError } from '#model/proxy-error.ts';
import type { RetrySettings } from '#model/upstream.ts';

/** Whether another attempt is right after an attempt that came to no response. */
export function repeatsAfterError(error: ProxyError, method: string, settings: RetrySettings): boolean {
  const { retryable, code, stale } = error;
  if (retryable === 'never') return false;
  // RFC 9110 9.2.2: a proxy "MUST NOT automatically retry non-idempotent requests", unless nothing of them was sent. Which methods
  // an operator knows to be harmless beyond those of the standard, only they can say.
  if (retryable === 'idempotent' && !settings.methods.has(method)) return false;
  return stale || settings.kinds.has(failureKindOf(code));
}

/** Whether another attempt is right after a response with this status. */
export function repeatsAfterStatus(status: number, method: string, { statuses, methods }: RetrySettings): boolean {
  return statuses.has(status) && methods.has(method);
}

/** Whether a second attempt may run beside the first: both send the content. */
export function isHedgeable({ request }: Exchange, { methods }: RetrySettings): boolean {
  return methods.has(request.method) && request.body?.type !== 'stream' && request.upgrade === '';
}

/** The wait ahead of attempt `attempt`, which is 2 or more: drawn up to a limit that doubles, so that clients do not come in step. */
export function backoffMs(attempt: number, { backoffMs: base, maxBackoffMs }: RetrySettings, random: Random): number {
  return base === 0 ? 0 : random() * Math.min(maxBackoffMs, base * 2 ** (attempt - 2));
}
