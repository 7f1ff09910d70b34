// When a request may be sent again, and how long to wait before. Pure but for chance.
import type { Random } from '#lib/random.ts';
import type { Exchange } from '#model/exchange.ts';
import { failureKindOf } from '#model/failure-kind.ts';
import { grpcStatusOfError } from '#model/grpc-call.ts';
import type { Response } from '#model/message.ts';
import type { ProxyError } from '#model/proxy-error.ts';
import type { RetrySettings } from '#model/upstream.ts';
import { statusInHead } from './grpc-status.ts';

/** Whether another attempt is right after an attempt that came to no response. */
export function repeatsAfterError(error: ProxyError, { request, grpc }: Exchange, settings: RetrySettings): boolean {
  const { retryable, stale } = error;
  if (retryable === 'never') return false;
  if (grpc && settings.grpcStatuses.has(grpcStatusOfError(error))) return true;
  // RFC 9110 9.2.2: a proxy "MUST NOT automatically retry non-idempotent requests", unless nothing of them was sent. Which methods
  // an operator knows to be harmless beyond those of the standard, only they can say.
  if (retryable === 'idempotent' && !settings.methods.has(request.method)) return false;
  return stale || settings.kinds.has(failureKindOf(error));
}

/** Whether another attempt is right after this response. */
export function repeatsAfterResponse(
  response: Response,
  { request, grpc }: Exchange,
  settings: RetrySettings,
): boolean {
  const { statuses, methods, grpcStatuses } = settings;
  if (statuses.has(response.status) && methods.has(request.method)) return true;
  if (!grpc || grpcStatuses.size === 0) return false;
  const status = statusInHead(response);
  // A server may say when its client may come again, if at all: that is for the client.
  return status !== undefined && grpcStatuses.has(status) && !response.fields.has('grpc-retry-pushback-ms');
}

/**
 * Whether a request that an endpoint may have seen can be sent again at all. Calls of gRPC are all POST: whether they may is said
 * by naming the statuses after which they are.
 */
export function isRepeatable({ request, grpc }: Exchange, { methods, grpcStatuses }: RetrySettings): boolean {
  return methods.has(request.method) || (grpc !== undefined && grpcStatuses.size > 0);
}

/** Whether a second attempt may run beside the first: both send the content. */
export function isHedgeable({ request }: Exchange, { methods }: RetrySettings): boolean {
  return methods.has(request.method) && request.body?.type !== 'stream' && request.upgrade === '';
}

/** The wait ahead of attempt `attempt`, which is 2 or more: drawn up to a limit that doubles, so that clients do not come in step. */
export function backoffMs(attempt: number, { backoffMs: base, maxBackoffMs }: RetrySettings, random: Random): number {
  return base === 0 ? 0 : random() * Math.min(maxBackoffMs, base * 2 ** (attempt - 2));
}
