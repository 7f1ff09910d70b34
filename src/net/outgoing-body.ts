// Sends content on a byte stream in HTTP/1.1 framing: a BodySink that keeps back-pressure. Used for requests and responses.
import type { Fields } from '#http/fields.ts';
import type { BodySink, StreamBody } from '#model/body.ts';
import type { ByteStream } from '#model/byte-stream.ts';
import type { ProxyError } from '#model/proxy-error.ts';
import { chunkHead, lastChunk } from '#wire/http1/serialize.ts';
import { AnnouncedLength } from './announced-length.ts';

/** What the connection that sends the content wants to know. */
export interface OutgoingBodyOwner {
  /** Some content went out; `waiting` tells that the peer is slow to take it. */
  bodyProgress(waiting: boolean): void;
  /** All content, with its framing, has been written; `flowing` tells that the peer has taken all of it. */
  bodySent(flowing: boolean): void;
  /** The content broke off: the message cannot be completed. */
  bodyFailed(error: ProxyError): void;
}

export interface OutgoingOptions {
  /** The announced length, or negative. */
  readonly length: number;
  readonly chunked: boolean;
  /** Gives the lines of trailers that are sent on; without it none are. */
  readonly trailers: ((trailers: Fields) => string) | undefined;
  /** Sent in front of the first content. */
  readonly head: string;
}

export class OutgoingBody implements BodySink {
  /** Octets of content written. */
  sent = 0;
  readonly #stream: ByteStream;
  readonly #body: StreamBody;
  readonly #owner: OutgoingBodyOwner;
  readonly #chunked: boolean;
  readonly #trailers: ((trailers: Fields) => string) | undefined;
  readonly #length: AnnouncedLength;
  /** Head that waits to leave together with the first content. */
  #head: string;
  #waiting = false;
  #done = false;

  constructor(stream: ByteStream, body: StreamBody, owner: OutgoingBodyOwner, options: OutgoingOptions) {
    this.#stream = stream;
    this.#body = body;
    this.#owner = owner;
    this.#chunked = options.chunked;
    this.#trailers = options.trailers;
    this.#length = new AnnouncedLength(options.length);
    this.#head = options.head;
  }

  /** Starts the flow; sends the head now if no content is at hand. */
  start(): void {
    this.#body.pipe(this);
    if (this.#head !== '' && !this.#done) this.#flushHead();
  }

  /** To be called when the stream has drained. */
  drained(): void {
    if (!this.#waiting || this.#done) return;
    this.#waiting = false;
    this.#owner.bodyProgress(false);
    this.#body.resume();
  }

  /** The receiving side is gone: takes nothing more. */
  cancel(error: ProxyError): void {
    if (this.#done) return;
    this.#done = true;
    this.#body.cancel(error);
  }

  chunk(bytes: Uint8Array): boolean {
    if (this.#done) return true;
    const excess = this.#length.take(bytes.length);
    if (excess) {
      this.#fail(excess);
      return true;
    }
    this.sent += bytes.length;
    const flowing = this.#write(bytes);
    this.#waiting = !flowing;
    this.#owner.bodyProgress(this.#waiting);
    return flowing;
  }

  end(trailers: Fields | undefined): void {
    if (this.#done) return;
    const lack = this.#length.end();
    if (lack) {
      this.#fail(lack);
      return;
    }
    this.#done = true;
    let flowing = !this.#waiting;
    if (this.#chunked) flowing = this.#stream.write(this.#takeHead() + lastChunk(this.#trailerLines(trailers)));
    else if (this.#head !== '') flowing = this.#stream.write(this.#takeHead());
    this.#owner.bodySent(flowing);
  }

  abort(error: ProxyError): void {
    if (this.#done) return;
    this.#done = true;
    this.#owner.bodyFailed(error);
  }

  #write(bytes: Uint8Array): boolean {
    const head = this.#takeHead();
    if (this.#chunked) return this.#stream.writeParts(head + chunkHead(bytes.length), bytes, '\r\n');
    return head === '' ? this.#stream.write(bytes) : this.#stream.writeParts(head, bytes, '');
  }

  #flushHead(): void {
    if (this.#stream.write(this.#takeHead())) return;
    this.#waiting = true;
    this.#owner.bodyProgress(true);
  }

  #trailerLines(trailers: Fields | undefined): string {
    return trailers ? (this.#trailers?.(trailers) ?? '') : '';
  }

  #takeHead(): string {
    const head = this.#head;
    this.#head = '';
    return head;
  }

  #fail(error: ProxyError): void {
    this.#done = true;
    this.#body.cancel(error);
    this.#owner.bodyFailed(error);
  }
}
