// Sends the streaming content of one request to an endpoint, and keeps the deadline that fits: the endpoint's while it is slow to
// take content, none while the client is slow to give it. Not for content that is here as a whole.
import { withoutTouched } from '#http/trailers.ts';
import type { Deadlined, Deadlines } from '#lib/deadlines.ts';
import { type StreamBody, UNKNOWN_LENGTH } from '#model/body.ts';
import type { ByteStream } from '#model/byte-stream.ts';
import type { ProxyError } from '#model/proxy-error.ts';
import { OutgoingBody, type OutgoingBodyOwner } from '#net/outgoing-body.ts';
import type { Http1Attempt } from './http1-attempt.ts';

/** The connection that content is sent on. */
export interface ContentCarrier extends Deadlined {
  /** Whether the response head is still to come: after it the deadlines are those of the response. */
  readonly awaitsResponse: boolean;
  contentSent(): void;
  /** Some content went out after the response head had come. */
  contentMoved(): void;
  contentFailed(error: ProxyError): void;
}

export class RequestContent implements OutgoingBodyOwner {
  readonly #attempt: Http1Attempt;
  readonly #carrier: ContentCarrier;
  readonly #deadlines: Deadlines;
  readonly #outgoing: OutgoingBody;

  /** `head` leaves with the first of the content. */
  constructor(
    attempt: Http1Attempt,
    body: StreamBody,
    head: string,
    { carrier, stream, deadlines }: { carrier: ContentCarrier; stream: ByteStream; deadlines: Deadlines },
  ) {
    this.#attempt = attempt;
    this.#carrier = carrier;
    this.#deadlines = deadlines;
    const { length, fields } = attempt.exchange.request;
    this.#outgoing = new OutgoingBody(stream, body, this, {
      length,
      chunked: length === UNKNOWN_LENGTH,
      trailers: (trailers) => withoutTouched(trailers, fields),
      head,
    });
  }

  start(): void {
    this.#deadlines.clear(this.#carrier);
    this.#attempt.moved(false);
    this.#outgoing.start();
  }

  drained(): void {
    this.#outgoing.drained();
  }

  cancel(error: ProxyError): void {
    this.#outgoing.cancel(error);
  }

  bodyProgress(waiting: boolean): void {
    if (!this.#carrier.awaitsResponse) {
      this.#carrier.contentMoved();
      return;
    }
    this.#attempt.moved(waiting);
    if (waiting) this.#deadlines.set(this.#carrier, this.#attempt.upstream.timeouts.idleMs);
    else this.#deadlines.clear(this.#carrier);
  }

  bodySent(): void {
    this.#carrier.contentSent();
    if (!this.#carrier.awaitsResponse) return;
    this.#attempt.exchange.phase = 'response-head';
    this.#attempt.moved(true);
    this.#deadlines.set(this.#carrier, this.#attempt.upstream.timeouts.firstByteMs);
  }

  bodyFailed(error: ProxyError): void {
    this.#carrier.contentFailed(error);
  }
}
