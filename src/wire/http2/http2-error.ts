// A breach of HTTP/2 by a peer: the code that the RFC names for it, and what kind of breach it is, for counting.
import type { ErrorName } from './protocol.ts';

/** Floods and stalls that are bounded here beyond what the RFC demands. */
export type AbuseKind =
  | 'rapid-reset'
  | 'refused-flood'
  | 'continuation-flood'
  | 'settings-flood'
  | 'ping-flood'
  | 'priority-flood'
  | 'window-update-flood'
  | 'empty-data-flood'
  | 'unknown-frame-flood'
  | 'unread-output';

/** Ends the whole connection (RFC 9113 5.4.1). */
export class Http2Error extends Error {
  readonly code: ErrorName;
  /** What it is counted as: an abuse, or the code. */
  readonly kind: AbuseKind | ErrorName;

  constructor(code: ErrorName, message: string, kind: AbuseKind | ErrorName = code) {
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
