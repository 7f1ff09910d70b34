// What is known of a TCP connection or a UDP session that is passed on as it is, beside what every exchange has.
import type { FirstBytes } from '#wire/first-bytes.ts';

/**
 * What ended it: one of the sides, time without a byte, its longest life, the last answer that was expected, a session that took
 * its place, the end of the gateway, the endpoint's draining.
 */
export type CloseReason = 'client' | 'endpoint' | 'idle' | 'lifetime' | 'answered' | 'evicted' | 'shutdown' | 'drained';

export interface Passage {
  /** `undefined` when nobody has looked at them. */
  readonly first: FirstBytes | undefined;
  /** '' while it lives, and when an error has ended it. */
  closedBy: CloseReason | '';
  /** -1 where there are none. */
  datagramsReceived: number;
  datagramsSent: number;
  /** Whether a UDP endpoint was settled on because it did not refuse, and not because it answered: how fast it is nobody knows. */
  isSilent: boolean;
}

export function createPassage(first?: FirstBytes): Passage {
  return { first, closedBy: '', datagramsReceived: -1, datagramsSent: -1, isSilent: false };
}
