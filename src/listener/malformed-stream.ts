// A stream whose request is malformed, from our answer up to the reset: RFC 9113 8.1.1 wants the reset, and lets an answer come first. Some
// clients forget the answer when they read both at once, so that a while lies between them.
import type { Deadlined, DeadlineEntry, Deadlines } from '#lib/deadlines.ts';
import type { Exchange } from '#model/exchange.ts';
import type { Response } from '#model/message.ts';
import type { ServerSession } from '#wire/http2/server-session.ts';
import type { Http2Stream, StreamOwner } from '#wire/http2/stream.ts';
import { hasNoContent } from './http1-response.ts';
import { addDate, headOf } from './http2-answer.ts';

/** How long the client may take to read the answer by itself. */
const READING_MS = 200;
/** So many of one connection wait for that; the others are reset at once, as they take the place of requests that are well. */
const MAX_WAITING = 10;

/** What streams of one connection have in common. */
export interface MalformedStreams {
  readonly session: ServerSession;
  readonly deadlines: Deadlines;
  /** Those that wait. */
  readonly malformedStreams: Set<MalformedStream>;
}

/**
 * Answers a malformed request with what may leave at once, but no end, as a stream that has ended cannot be reset. Returns whether the
 * reset is being seen to. It is not where the client is slow to read already: there is no answer then.
 */
export function answerMalformed(
  stream: Http2Stream,
  exchange: Exchange,
  response: Response,
  connection: MalformedStreams,
): boolean {
  const { session } = connection;
  exchange.status = response.status;
  if (session.isBlocked) return false;
  addDate(response, exchange);
  session.respond(stream, headOf(response), false);
  const { body } = response;
  if (body?.type === 'fixed' && typeof body.content === 'string' && !hasNoContent(exchange.request, response))
    if (stream.sendUnended(body.content)) exchange.bytesSent = body.content.length;
  if (connection.malformedStreams.size >= MAX_WAITING) return false;
  stream.owner = new MalformedStream(stream, connection);
  return true;
}

export class MalformedStream implements StreamOwner, Deadlined {
  deadline: DeadlineEntry | undefined = undefined;
  readonly #stream: Http2Stream;
  readonly #connection: MalformedStreams;

  constructor(stream: Http2Stream, connection: MalformedStreams) {
    this.#stream = stream;
    this.#connection = connection;
    connection.malformedStreams.add(this);
    connection.deadlines.set(this, READING_MS);
  }

  /** Resets the stream. */
  end(): void {
    this.lost();
    this.#stream.reset('PROTOCOL_ERROR');
  }

  onDeadline(): void {
    this.end();
  }

  receiveData(bytes: Buffer): void {
    this.#stream.consumed(bytes.length);
  }

  receiveEnd(): void {}

  lost(): void {
    this.#connection.malformedStreams.delete(this);
    this.#connection.deadlines.clear(this);
  }

  sent(): void {}
}
