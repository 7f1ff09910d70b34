// The content of a received HTTP/1.1 message as a StreamBody: takes the framing off, passes chunks on, holds the stream back
// when the reader is slow. Used for requests and responses alike.
import { Fields } from '#http/fields.ts';
import { safeTrailers } from '#http/trailers.ts';
import type { BodySink, StreamBody } from '#model/body.ts';
import type { ByteStream } from '#model/byte-stream.ts';
import { ProxyError } from '#model/proxy-error.ts';
import { ChunkedDecoder } from '#wire/http1/chunked-decoder.ts';

/** What the connection that receives the content wants to know. */
export interface IncomingBodyOwner {
  /**
   * All content has been received, and passed on but for what is read ahead. `surplus` tells that bytes came with it that do not belong
   * to it. Nothing else is told from here on.
   */
  bodyEnded(surplus: boolean): void;
  /** The reader has begun or ceased to hold the content: see `held`. */
  bodyHeld(): void;
  /** The reader wants no more of it. */
  bodyCancelled(error: ProxyError): void;
  /** Content is larger than allowed or does not have the form its framing promises: the owner rejects the message. */
  bodyRefused(error: unknown): void;
}

export interface IncomingFraming {
  readonly type: 'length' | 'chunked' | 'close';
  /** Octets, where the type is `length`. */
  readonly length: number;
  readonly maxTrailerBytes: number;
  readonly maxTrailers: number;
  /** Most octets of content; more is refused before any of it is passed on. */
  readonly maxBytes: number;
  /**
   * So many octets at the end of content, or, where nobody knows its end, at the beginning, are received though the reader has said to
   * wait, so that a slow reader of little does not keep the connection.
   */
  readonly readAheadBytes: number;
}

/** So much may come before there is a reader without holding the stream: most readers are there a moment later. */
const MAX_EARLY_BYTES = 65536;
/** Fewer bytes are copied rather than kept with the whole buffer that they are in. */
const MIN_KEPT_BYTES = 16384;

export class IncomingBody implements StreamBody {
  readonly type = 'stream';
  /** Octets passed on or waiting, without framing. */
  received = 0;
  /** Whether all of it has been received. */
  complete = false;
  readonly #stream: ByteStream;
  readonly #owner: IncomingBodyOwner;
  readonly #decoder: ChunkedDecoder | undefined;
  /** Octets still to come; infinite unless the length is known. */
  #remaining: number;
  #sink: BodySink | undefined = undefined;
  #started = false;
  #finished = false;
  /** Why it broke off before there was a reader. */
  #broken: ProxyError | undefined = undefined;
  /** Decoded bytes that came before there was a reader, or after it said to wait. In memory of our own. */
  #early: Buffer[] | undefined = undefined;
  #earlyBytes = 0;
  /** Whether the reader has said to wait. */
  #waits = false;
  /** Whether the stream is to be read no further for now. */
  #held = false;
  #surplus = false;
  /** Whether the owner has been told that all is here. */
  #isReported = false;
  readonly #maxBytes: number;
  readonly #readAheadBytes: number;

  constructor(stream: ByteStream, framing: IncomingFraming, owner: IncomingBodyOwner) {
    this.#stream = stream;
    this.#owner = owner;
    this.#maxBytes = framing.maxBytes;
    this.#readAheadBytes = framing.readAheadBytes;
    this.#remaining = framing.type === 'length' ? framing.length : Number.POSITIVE_INFINITY;
    this.#decoder =
      framing.type === 'chunked' ? new ChunkedDecoder(framing.maxTrailerBytes, framing.maxTrailers) : undefined;
  }

  get started(): boolean {
    return this.#started;
  }

  /** Whether reading the stream must wait for the reader. */
  get held(): boolean {
    return this.#held;
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
  }

  resume(): void {
    if (!this.#waits || this.#finished) return;
    this.#waits = false;
    this.#release();
  }

  cancel(error: ProxyError): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#held = false;
    this.#sink = undefined;
    this.#early = undefined;
    if (!this.#isReported) this.#owner.bodyCancelled(error);
  }

  /** Tells the reader that the content stays incomplete. */
  abort(error: ProxyError): void {
    if (this.#finished) return;
    this.#finished = true;
    const sink = this.#sink;
    this.#held = false;
    this.#sink = undefined;
    this.#early = undefined;
    this.#broken = error;
    sink?.abort(error);
  }

  /** The peer ended the stream: right for content that ends so; returns whether it was. */
  endOfStream(): boolean {
    if (this.#remaining !== Number.POSITIVE_INFINITY || this.#decoder) return false;
    this.complete = true;
    this.#settle();
    return true;
  }

  /**
   * Takes received bytes. `mayKeep` is that of `StreamReceiver.bytes`. Returns how many of them belonged to this content.
   * Afterwards `held` says whether to stop reading.
   */
  receive(bytes: Buffer, mayKeep: boolean): number {
    if (this.complete) return 0;
    let data = bytes;
    let consumed = bytes.length;
    if (this.#decoder) {
      try {
        this.#decoder.decode(bytes);
      } catch (error) {
        this.#owner.bodyRefused(error);
        return consumed;
      }
      data = this.#decoder.data;
      consumed = this.#decoder.consumed;
      this.complete = this.#decoder.done;
    } else if (bytes.length >= this.#remaining) {
      consumed = this.#remaining;
      data = bytes.length === consumed ? bytes : bytes.subarray(0, consumed);
      this.complete = true;
    }
    this.#remaining -= data.length;
    this.received += data.length;
    if (this.received > this.#maxBytes) {
      this.complete = false;
      this.#owner.bodyRefused(new ProxyError('request-body-too-large'));
      return consumed;
    }
    this.#surplus = consumed < bytes.length;
    this.#pass(data, mayKeep);
    return consumed;
  }

  /** Whether the stream is read on whatever the reader says. */
  get #readsAhead(): boolean {
    const most = this.#readAheadBytes;
    if (most === 0 || this.complete) return most > 0;
    return (this.#remaining === Number.POSITIVE_INFINITY ? this.received : this.#remaining) <= most;
  }

  #pass(data: Buffer, mayKeep: boolean): void {
    const sink = this.#sink;
    const readsAhead = this.#readsAhead;
    if (!sink || this.#waits || this.#early) {
      if (this.#finished) return;
      this.#earlyBytes += data.length;
      this.#held = sink ? !readsAhead : this.#earlyBytes >= MAX_EARLY_BYTES;
      if (data.length > 0) {
        this.#early ??= [];
        this.#early.push(mayKeep && data.length >= MIN_KEPT_BYTES ? this.#kept(data) : Buffer.from(data));
      }
    } else if (data.length > 0 && !sink.chunk(mayKeep ? data : Buffer.from(data))) {
      this.#waits = !this.#finished;
      this.#held = this.#waits && !readsAhead;
      if (mayKeep && readsAhead) this.#kept(data);
    }
    if (this.complete) this.#settle();
  }

  /** Bytes that the stream lets us keep; its whole buffer stays with them. */
  #kept(data: Buffer): Buffer {
    this.#stream.keep();
    return data;
  }

  /** Passes on what waited, then lets the stream flow again. */
  #release(): void {
    const waiting = this.#early;
    while (waiting && waiting.length > 0) {
      const next = waiting.shift() as Buffer;
      if (waiting.length === 0) this.#early = undefined;
      if (!this.#sink?.chunk(next)) {
        this.#waits = !this.#finished;
        break;
      }
    }
    if (this.#finished) return;
    if (this.#isReported) {
      this.#settle();
      return;
    }
    this.#held = this.#waits && !this.#readsAhead;
    // Also behind the last byte: the connection may have stopped reading at it, and goes on to its next message.
    if (!this.#held) this.#stream.resume();
    if (this.complete) this.#settle();
    if (!this.#isReported) this.#owner.bodyHeld();
  }

  /** All of it is here: the reader gets its end when it has taken it, the owner at once where it need not wait for that. */
  #settle(): void {
    if (this.#finished || !this.#sink) return;
    if (!this.#waits && !this.#early) this.#finish();
    else if (this.#readsAhead) this.#report();
  }

  #report(): void {
    if (this.#isReported) return;
    this.#isReported = true;
    this.#owner.bodyEnded(this.#surplus);
  }

  #finish(): void {
    this.#finished = true;
    const sink = this.#sink;
    this.#sink = undefined;
    const trailers = this.#decoder?.trailers;
    this.#report();
    sink?.end(trailers ? new Fields(safeTrailers(trailers)) : undefined);
  }
}
