// What a test needs to know of one breach of HTTP/2 by a client: the rule, the frames, and what the rule says becomes of them.
import type { BreachKind } from '#wire/http2/http2-error.ts';
import type { ErrorName } from '#wire/http2/protocol.ts';
import type { FrameSender } from './frame-sender.ts';

export interface Breach {
  /** The rule, such as `RFC 9113 6.1`. */
  readonly clause: string;
  readonly what: string;
  /**
   * Sends the breach. The connection is open, and stream 1 has a request under way, its content not ended; streams from 3 on have
   * not been used. What is asked for with the path `/hold` is not answered.
   */
  readonly send: (client: FrameSender<unknown>) => unknown;
  readonly code: ErrorName;
  /** The stream that it costs; `undefined` when it costs the connection. */
  readonly streamId?: number;
  /** What it is counted as, if not by its code. */
  readonly kind?: BreachKind;
}

/** As a sentence about behaviour. */
export function titleOf({ clause, what, code, streamId }: Breach): string {
  return `${clause}: ${what} is a ${streamId === undefined ? 'connection' : 'stream'} error of type ${code}`;
}
