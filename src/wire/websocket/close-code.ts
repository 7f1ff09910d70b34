// Codes of Close frames (RFC 6455 7.4, and the IANA registry that came of it).

export const CLOSE_CODE = {
  normal: 1000,
  goingAway: 1001,
  protocolError: 1002,
  /** Stands for a Close frame without a code; never sent. */
  none: 1005,
  /** Stands for a connection that ended without a Close frame; never sent. */
  abnormal: 1006,
  invalidContent: 1007,
  policyViolation: 1008,
  tooLarge: 1009,
  internalError: 1011,
} as const;

/** Whether an endpoint may put the code into a Close frame. */
export function isSendable(code: number): boolean {
  // RFC 6455 7.4.2: 1000-2999 are for the protocol and its extensions, of which 1015 and those from 1016 on are not assigned for
  // frames; 3000-4999 are for libraries, frameworks and applications; all others mean nothing.
  if (code >= 3000 && code <= 4999) return true;
  // RFC 6455 7.4.1: 1004, 1005 and 1006 are reserved; the last two "MUST NOT be set as a status code in a Close control frame".
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
}
