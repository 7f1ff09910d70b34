// The contract of what proves to an ACME server that names are ours: one solver for each type of challenge.

export const CHALLENGE_TYPES = ['http-01', 'tls-alpn-01', 'dns-01'] as const;

export type ChallengeType = (typeof CHALLENGE_TYPES)[number];

export interface Task {
  /** A DNS name in lower case, without `*.` where it is for a wildcard, or an IP address. */
  readonly name: string;
  readonly token: string;
  /** RFC 8555 section 8.1. */
  readonly keyAuthorization: string;
}

/** Takes back what was put in place; never rejects. */
export type Cleanup = () => Promise<void>;

export interface Solver {
  readonly type: ChallengeType;
  /** Resolves when the answers to all tasks can be seen from outside. When it rejects, nothing is left in place. */
  solve(tasks: readonly Task[], signal: AbortSignal): Promise<Cleanup>;
}
