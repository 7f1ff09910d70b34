// What connections that had begun when their listener began to drain may still take: nothing that a client has begun is to be lost, and
// nobody who does not go on is to hold up the end.
import type { ListenerState } from './listener-host.ts';

/** For the handshake; and from there to the first request, with which the connection ends. */
export const DRAIN_GRACE_MS = 2000;

/** For a further request on a kept connection: what it takes to cross one that was sent before the client could know of the end. */
export const KEPT_GRACE_MS = 500;

/** How long may be waited for what a client does next, where it is `ms` as long as the listener does not drain. */
export function graceful(ms: number, { draining }: ListenerState): number {
  return draining ? Math.min(ms, DRAIN_GRACE_MS) : ms;
}
