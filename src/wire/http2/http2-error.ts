// A breach of HTTP/2 by a peer: the code that the RFC names for it, and what kind of breach it is, for counting.
import { ERROR_NAMES, type ErrorName } from './protocol.ts';

/** Floods and stalls that are bounded here beyond what the RFC demands. */
const ABUSE_KINDS = [
  'rapid-reset',
  'refused-flood',
  'malformed-flood',
  'continuation-flood',
  'header-bomb',
  'settings-flood',
  'ping-flood',
  'priority-flood',
  'window-update-flood',
  'empty-data-flood',
  'unknown-frame-flood',
  'unread-output',
] as const;

export type AbuseKind = (typeof ABUSE_KINDS)[number];

/** What breaches are counted as: an abuse, or the code that the RFC names for it. */
export const BREACH_KINDS: readonly BreachKind[] = [...ABUSE_KINDS, ...ERROR_NAMES];

export type BreachKind = AbuseKind | ErrorName;

/** Ends the whole connection (RFC 9113 5.4.1). */
export class Http2Error extends Error {
  readonly code: ErrorName;
  readonly kind: BreachKind;

  constructor(code: ErrorName, message: string, kind: BreachKind = code) {
    super(message);
    this.name = 'Http2Error';
    this.code = code;
    this.kind = kind;
  }
}

/** For what is more than anybody needs. */
export function abuse(kind: AbuseKind, message: string): Http2Error {
  return new Http2Error('ENHANCE_YOUR_CALM', message, kind);
}
