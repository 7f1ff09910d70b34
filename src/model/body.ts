// The content of a message: either known as a whole, or a stream with back-pressure that is read once.
import type { Fields } from '#http/fields.ts';
import type { ProxyError } from './proxy-error.ts';

/** Takes the chunks of a streaming body. */
export interface BodySink {
  /**
   * Takes bytes that are valid during this call only. Returns false to keep them and to hold the flow; the sink then calls
   * `body.resume()` when it is done with the bytes.
   */
  chunk(bytes: Uint8Array): boolean;
  end(trailers: Fields | undefined): void;
  /** The content stays incomplete. Nothing is called after this. */
  abort(error: ProxyError): void;
}

/** Content that is here as a whole: small and received in one piece, or made by ourselves. May be sent many times. */
export interface FixedBody {
  readonly type: 'fixed';
  /** A string is Latin-1: one character a byte. */
  readonly content: string | Uint8Array;
}

/** Content on its way. */
export interface StreamBody {
  readonly type: 'stream';
  /** Whether `pipe` was called: from then on the content cannot be sent again. */
  readonly started: boolean;
  /** Starts the flow. May be called once. */
  pipe(sink: BodySink): void;
  /** Goes on after `sink.chunk` returned false. */
  resume(): void;
  /** Nobody wants the rest. Calls nothing on the sink. */
  cancel(error: ProxyError): void;
}

export type Body = FixedBody | StreamBody;

/** Length marking content that ends by chunked coding, by END_STREAM or by the close of the connection. */
export const UNKNOWN_LENGTH = -1;

export function fixedBody(content: string | Uint8Array): FixedBody {
  return { type: 'fixed', content };
}
