// Sends the streaming content of one request on an HTTP/2 stream, as fast as the endpoint's windows let it. Deadlines are kept by the
// attempt.
import type { Fields } from '#http/fields.ts';
import { withoutTouched } from '#http/trailers.ts';
import type { BodySink, StreamBody } from '#model/body.ts';
import type { Request } from '#model/message.ts';
import type { ProxyError } from '#model/proxy-error.ts';
import { AnnouncedLength } from '#net/announced-length.ts';
import type { Http2Stream } from '#wire/http2/stream.ts';

export interface RequestContentOwner {
  /** Some content went out; `waiting` tells that the endpoint is slow to take it. */
  requestProgress(waiting: boolean): void;
  /** All content was handed over; nothing waits. */
  requestSent(): void;
  /** The content broke off: the request cannot be completed. */
  requestFailed(error: ProxyError): void;
}

export class Http2RequestContent implements BodySink {
  readonly #stream: Http2Stream;
  readonly #body: StreamBody;
  readonly #owner: RequestContentOwner;
  readonly #fields: Fields;
  readonly #length: AnnouncedLength;
  #waiting = false;
  #ended = false;
  #done = false;
  /** What had left of the waiting chunk, and of all content on the connection, at the last look. */
  #sentBefore = 0;
  #octetsBefore = 0;

  constructor(stream: Http2Stream, body: StreamBody, request: Request, owner: RequestContentOwner) {
    this.#stream = stream;
    this.#body = body;
    this.#owner = owner;
    this.#fields = request.fields;
    this.#length = new AnnouncedLength(request.length);
  }

  start(): void {
    this.#body.pipe(this);
  }

  /** What had to wait has been sent. */
  flushed(): void {
    if (!this.#waiting || this.#done) return;
    this.#waiting = false;
    if (this.#ended) {
      this.#finish();
      return;
    }
    this.#owner.requestProgress(false);
    this.#body.resume();
  }

  /**
   * Whether some of what waits has left since the last call; of others, where they may go first. `octets` are those of all content that
   * was sent on the connection.
   */
  endpointTakes(octets: number): boolean {
    const { pendingAt, queued } = this.#stream;
    const takes = pendingAt !== this.#sentBefore || (queued && octets !== this.#octetsBefore);
    this.#sentBefore = pendingAt;
    this.#octetsBefore = octets;
    return takes;
  }

  /** The endpoint takes nothing more. */
  cancel(error: ProxyError): void {
    if (this.#done) return;
    this.#done = true;
    if (!this.#ended) this.#body.cancel(error);
  }

  chunk(bytes: Uint8Array): boolean {
    if (this.#done) return true;
    const excess = this.#length.take(bytes.length);
    if (excess) {
      this.#fail(excess);
      return true;
    }
    this.#waiting = !this.#stream.send(bytes);
    this.#owner.requestProgress(this.#waiting);
    return !this.#waiting;
  }

  end(trailers: Fields | undefined): void {
    if (this.#done) return;
    const lack = this.#length.end();
    if (lack) {
      this.#fail(lack);
      return;
    }
    this.#ended = true;
    this.#stream.end(trailers ? withoutTouched(trailers, this.#fields) : '', trailers?.neverIndexed);
    if (!this.#waiting) this.#finish();
  }

  abort(error: ProxyError): void {
    if (this.#done) return;
    this.#done = true;
    this.#owner.requestFailed(error);
  }

  #finish(): void {
    this.#done = true;
    this.#owner.requestSent();
  }

  #fail(error: ProxyError): void {
    this.#done = true;
    this.#body.cancel(error);
    this.#owner.requestFailed(error);
  }
}

/** Sends content that is here as a whole, and ends the stream; what its windows do not let out waits there. */
export function sendFixed(stream: Http2Stream, content: string | Uint8Array): void {
  if (typeof content === 'string' && stream.sendWhole(content)) return;
  stream.send(typeof content === 'string' ? Buffer.from(content, 'latin1') : content);
  stream.end();
}
