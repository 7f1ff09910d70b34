// The content of a message received on an HTTP/2 stream as a StreamBody. Holds at most a stream window: the peer gets leave to send
// more as content is taken. Used for requests and responses alike.
import { Fields } from '#http/fields.ts';
import { safeTrailers } from '#http/trailers.ts';
import type { BodySink, StreamBody } from '#model/body.ts';
import { ProxyError } from '#model/proxy-error.ts';
import type { Http2Stream } from '#wire/http2/stream.ts';
import { HeldBytes } from './held-bytes.ts';

/** What the owner of the stream wants to know. */
export interface Http2ContentOwner {
  /** All content has been received and passed on. */
  contentEnded(): void;
  /** The reader has begun or ceased to hold the content, or some of it has come. */
  contentMoved(): void;
  /** The reader wants no more of it. */
  contentCancelled(error: ProxyError): void;
  /** There is more than allowed: the owner rejects the message. */
  contentRefused(error: ProxyError): void;
}

export class Http2Content implements StreamBody {
  readonly type = 'stream';
  /** Octets passed on or waiting. */
  received = 0;
  /** Whether all of it has been received. */
  complete = false;
  readonly #stream: Http2Stream;
  readonly #owner: Http2ContentOwner;
  readonly #maxBytes: number;
  #sink: BodySink | undefined = undefined;
  #started = false;
  #finished = false;
  #held = false;
  /** Octets that the reader holds and has not been counted as taken. */
  #heldBytes = 0;
  /** What came before there was a reader, or while it holds some. */
  readonly #waiting = new HeldBytes();
  #broken: ProxyError | undefined = undefined;
  #trailers = '';
  #neverIndexed: ReadonlySet<string> | undefined = undefined;

  /** `maxBytes`: more is refused before any of it is passed on. */
  constructor(stream: Http2Stream, owner: Http2ContentOwner, maxBytes: number) {
    this.#stream = stream;
    this.#owner = owner;
    this.#maxBytes = maxBytes;
  }

  get started(): boolean {
    return this.#started;
  }

  /** Whether content waits for its reader, or for there to be one: the peer is not to be blamed for a pause. */
  get held(): boolean {
    return this.#held || this.#waiting.length > 0;
  }

  pipe(sink: BodySink): void {
    if (this.#started) throw new Error('content can be read once only');
    this.#started = true;
    if (this.#broken) {
      sink.abort(this.#broken);
      return;
    }
    this.#sink = sink;
    this.#release();
    if (!this.#finished) this.#owner.contentMoved();
  }

  resume(): void {
    if (!this.#held || this.#finished) return;
    this.#held = false;
    this.#stream.consumed(this.#heldBytes);
    this.#heldBytes = 0;
    this.#release();
    if (!this.#finished) this.#owner.contentMoved();
  }

  cancel(error: ProxyError): void {
    if (this.#finished) return;
    this.#drop();
    this.#owner.contentCancelled(error);
  }

  /** Tells the reader that the content stays incomplete. */
  abort(error: ProxyError): void {
    if (this.#finished) return;
    const sink = this.#sink;
    this.#broken = error;
    this.#drop();
    sink?.abort(error);
  }

  /** Takes content, which is valid during the call. */
  receive(bytes: Buffer): void {
    this.received += bytes.length;
    if (this.#finished) {
      this.#stream.consumed(bytes.length);
      return;
    }
    if (this.received > this.#maxBytes) {
      this.#stream.consumed(bytes.length);
      this.#owner.contentRefused(new ProxyError('request-body-too-large'));
      return;
    }
    if (this.#sink && !this.held) this.#give(this.#sink, Buffer.from(bytes));
    else this.#waiting.push(bytes);
    this.#owner.contentMoved();
  }

  /** The peer has sent all; `trailers` are field lines, `neverIndexed` as in `Fields`. */
  end(trailers: string, neverIndexed?: ReadonlySet<string>): void {
    this.complete = true;
    this.#trailers = trailers;
    this.#neverIndexed = neverIndexed;
    if (this.#sink && !this.held) this.#finish();
  }

  #give(sink: BodySink, bytes: Buffer): void {
    if (sink.chunk(bytes)) {
      this.#stream.consumed(bytes.length);
    } else if (this.#finished) {
      // It was cancelled meanwhile.
      this.#stream.consumed(bytes.length);
    } else {
      this.#held = true;
      this.#heldBytes = bytes.length;
    }
  }

  /** Passes on what waited. */
  #release(): void {
    while (!this.#held && !this.#finished && this.#sink) {
      const next = this.#waiting.shift();
      if (!next) break;
      this.#give(this.#sink, next);
    }
    if (this.complete && !this.held) this.#finish();
  }

  #finish(): void {
    if (this.#finished || !this.#sink) return;
    this.#finished = true;
    const sink = this.#sink;
    this.#sink = undefined;
    const trailers = new Fields(safeTrailers(this.#trailers));
    trailers.neverIndexed = this.#neverIndexed;
    this.#owner.contentEnded();
    sink.end(trailers.text === '' ? undefined : trailers);
  }

  /** Nobody reads it: what waited counts as taken, so that the connection goes on. */
  #drop(): void {
    this.#finished = true;
    this.#sink = undefined;
    this.#held = false;
    const bytes = this.#waiting.length + this.#heldBytes;
    this.#waiting.clear();
    this.#stream.consumed(bytes);
    this.#heldBytes = 0;
  }
}
