// Writes one response on an HTTP/2 stream, whatever kind of content it has, and tells when that is done.
import { formatHttpDate } from '#http/date.ts';
import type { Fields } from '#http/fields.ts';
import { withoutTouched } from '#http/trailers.ts';
import { type BodySink, type StreamBody, UNKNOWN_LENGTH } from '#model/body.ts';
import type { Exchange } from '#model/exchange.ts';
import type { Response } from '#model/message.ts';
import { ProxyError } from '#model/proxy-error.ts';
import { AnnouncedLength } from '#net/announced-length.ts';
import type { ResponseStart, ServerSession } from '#wire/http2/server-session.ts';
import type { Http2Stream } from '#wire/http2/stream.ts';
import { hasNoContent } from './http1-response.ts';

/** Whoever waits for the answer to be out. */
export interface AnswerOwner {
  readonly exchange: Exchange;
  /** The client has become slow to take it, or is so no more. */
  answerMoved(): void;
  answerDone(): void;
  /** The content broke off: only the end of the stream can tell the client. */
  answerFailed(error: ProxyError): void;
}

export class Http2Answer implements BodySink {
  /** Octets of content written so far. */
  sent = 0;
  /** Whether content waits for the client: for its window, or for the connection. */
  waiting = false;
  readonly #owner: AnswerOwner;
  readonly #session: ServerSession;
  readonly #stream: Http2Stream;
  readonly #response: Response;
  #body: StreamBody | undefined = undefined;
  /** Of content that streams. */
  #length: AnnouncedLength | undefined = undefined;
  #done = false;

  constructor(owner: AnswerOwner, session: ServerSession, stream: Http2Stream, response: Response) {
    this.#owner = owner;
    this.#session = session;
    this.#stream = stream;
    this.#response = response;
  }

  /** Writes the head, and with it as much of the content as there is. */
  start(): void {
    const { exchange } = this.#owner;
    const { request } = exchange;
    const response = this.#response;
    exchange.status = response.status;
    exchange.phase = 'response';
    addDate(response, exchange);
    const { body } = response;
    if (body === undefined || hasNoContent(request, response)) {
      if (body?.type === 'stream') body.cancel(new ProxyError('client-closed', 'the response has no content'));
      this.#head(true);
      this.#finish();
    } else if (body.type === 'stream') {
      this.#head(false);
      this.#length = new AnnouncedLength(response.length);
      this.#body = body;
      body.pipe(this);
    } else {
      this.#sendFixed(body.content);
    }
  }

  /** The client is gone or given up: takes no more content. */
  cancel(error: ProxyError): void {
    if (this.#done) return;
    this.#done = true;
    this.#body?.cancel(error);
  }

  chunk(bytes: Uint8Array): boolean {
    if (this.#done) return true;
    const excess = this.#length?.take(bytes.length);
    if (excess) {
      this.#fail(excess);
      return true;
    }
    this.sent += bytes.length;
    this.waiting = !this.#stream.send(bytes);
    this.#owner.answerMoved();
    return !this.waiting;
  }

  end(trailers: Fields | undefined): void {
    if (this.#done) return;
    const lack = this.#length?.end();
    if (lack) {
      this.#fail(lack);
      return;
    }
    this.#stream.end(trailers ? withoutTouched(trailers, this.#response.fields) : '', trailers?.neverIndexed);
    if (!this.waiting) this.#finish();
  }

  abort(error: ProxyError): void {
    if (this.#done) return;
    this.#done = true;
    this.#owner.answerFailed(error);
  }

  /** What had to wait has been sent. */
  flushed(): void {
    if (!this.waiting || this.#done) return;
    this.waiting = false;
    if (this.#stream.ending !== undefined) {
      this.#finish();
      return;
    }
    this.#owner.answerMoved();
    this.#body?.resume();
  }

  #sendFixed(content: string | Uint8Array): void {
    if (content.length === 0) {
      this.#head(true);
      this.#finish();
      return;
    }
    this.#head(false);
    this.sent = content.length;
    if (typeof content === 'string' && this.#stream.sendWhole(content)) {
      this.#finish();
      return;
    }
    this.waiting = !this.#stream.send(typeof content === 'string' ? Buffer.from(content, 'latin1') : content);
    this.#stream.end();
    if (this.waiting) this.#owner.answerMoved();
    else this.#finish();
  }

  #head(endStream: boolean): void {
    this.#session.respond(this.#stream, headOf(this.#response), endStream);
  }

  #finish(): void {
    if (this.#done) return;
    this.#done = true;
    this.#owner.exchange.phase = 'done';
    this.#owner.answerDone();
  }

  #fail(error: ProxyError): void {
    this.#done = true;
    this.#body?.cancel(error);
    this.#owner.answerFailed(error);
  }
}

/** RFC 9110 6.6.1: "An origin server with a clock […] MUST generate a Date"; for our own answers, that is us. */
export function addDate({ fields }: Response, exchange: Exchange): void {
  if (exchange.firstByteMs < 0 && !fields.has('date')) fields.append('date', formatHttpDate(exchange.clock.wall()));
}

/** The head as the session takes it. */
export function headOf({ status, fields, length }: Response): ResponseStart {
  // RFC 9110 8.6: "A server MUST NOT send a Content-Length header field in any response with a status code of […] 204".
  const contentLength = status === 204 ? UNKNOWN_LENGTH : length;
  return { status, lines: fields.text, contentLength, neverIndexed: fields.neverIndexed };
}
