// What becomes of a session by the state of its endpoint: the same for all types of persistence.
import { isDown } from '#memory/endpoint-table.ts';
import { ProxyError } from '#model/proxy-error.ts';
import type { Affinity, Endpoint, Upstream } from '#model/upstream.ts';
import { isSameEndpoint } from './candidates.ts';

/** Whether the session's requests go on to belong to `endpoint`: it serves them, or nobody does. */
export function stays(endpoint: Endpoint, affinity: Affinity): boolean {
  const { status } = endpoint.cells;
  if (status === 'draining') return affinity.keepsDraining;
  return !isDown(status) || !affinity.movesWhenDown;
}

/** Whether a request of a session that stays cannot be served. */
export function isRefused(endpoint: Endpoint, { affinity }: Upstream): boolean {
  return affinity?.movesWhenDown === false && isDown(endpoint.cells.status);
}

/** Whether a request that `failed` could not serve may go to another endpoint; `bound` is that of its session. */
export function mayLeave(failed: Endpoint, bound: Endpoint | undefined, { affinity }: Upstream): boolean {
  return affinity?.movesWhenDown !== false || !bound || !isSameEndpoint(bound, failed);
}

export function sessionUnavailable({ name, cells }: Endpoint, upstream: Upstream): ProxyError {
  return new ProxyError(
    'session-unavailable',
    `the session is bound to ${name} of ${upstream.name}, which is ${cells.status}`,
  );
}
