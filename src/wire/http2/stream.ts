// One stream of an HTTP/2 connection (RFC 9113 5): its state, its two windows, and what waits to be sent on it. The rules that need
// the connection are in Session.

import type { FramePlace } from './frame-writer.ts';
import type { ErrorName } from './protocol.ts';
import type { SendQueue } from './send-queue.ts';

/** Whoever the content of a stream is for. */
export interface StreamOwner {
  /** Some content, valid during the call; `stream.consumed` is to be called for it, now or later. */
  receiveData(bytes: Buffer): void;
  /** The peer has sent all; `trailers` as field lines, '' when there are none; `neverIndexed` has names as `Fields.neverIndexed`. */
  receiveEnd(trailers: string, neverIndexed?: ReadonlySet<string>): void;
  /** The stream is over before its time: by whom, and with what code. Nothing is called behind this. */
  lost(loss: StreamLoss): void;
  /** What `send` had to leave waiting has been sent. */
  sent(): void;
}

export interface StreamLoss {
  readonly code: ErrorName;
  /** Who ended it: the peer, we for a breach of the peer, or the loss of the connection. */
  readonly by: 'peer' | 'breach' | 'connection';
  readonly reason: string;
  /** Whether the peer has certainly done nothing for it, so that it may be tried again (RFC 9113 8.7). */
  readonly isUnprocessed: boolean;
}

/** What a stream asks of its connection. */
export interface StreamHost {
  readonly queue: SendQueue;
  /** Content of so many octets has been taken from the stream. */
  consumed(stream: Http2Stream, bytes: number): void;
  /** Both sides have ended. */
  finished(stream: Http2Stream): void;
  /** Ends the stream with RST_STREAM. */
  resetStream(stream: Http2Stream, code: ErrorName): void;
  sendTrailers(stream: Http2Stream, lines: string): void;
}

export class Http2Stream {
  readonly id: number;
  owner: StreamOwner | undefined = undefined;
  /** Octets that the peer lets us send. Negative after a change of settings (RFC 9113 6.9.2). */
  sendWindow: number;
  /** Octets that the peer may still send. Negative when it sent more before it knew our settings (RFC 9113 6.9.3). */
  receiveWindow: number;
  /** Octets taken since the last WINDOW_UPDATE. */
  unannounced = 0;
  /** Whether the head of the peer's message, interim ones left out, is still to come. */
  awaitsHead = false;
  /** Whether it is a tunnel, on which there are no messages any more. */
  isTunnel = false;
  /** END_STREAM was received, sent. */
  remoteEnded = false;
  localEnded = false;
  /** No part of the connection any more. */
  closed = false;
  /** RFC 9218 4: 0 is the most urgent. */
  urgency = 3;
  /** Whether it takes turns with others of its urgency. So do all that say nothing. */
  incremental = true;
  /** Octets that Content-Length still promises; negative when it promised none. */
  expected = -1;
  /** Content that waits, from `pendingAt` on. */
  pending: Uint8Array | undefined = undefined;
  pendingAt = 0;
  /** Whether it stands in the queue. */
  queued = false;
  /** Trailer lines to send behind what waits; `undefined` while more content may come. */
  ending: string | undefined = undefined;
  /** Of the trailers that are sent: see `Fields.neverIndexed`. */
  neverIndexed: ReadonlySet<string> | undefined = undefined;
  /** Where its last DATA frame is, while that has not left. */
  lastData: FramePlace | undefined = undefined;
  readonly #host: StreamHost;

  constructor(id: number, host: StreamHost, sendWindow: number, receiveWindow: number) {
    this.id = id;
    this.#host = host;
    this.sendWindow = sendWindow;
    this.receiveWindow = receiveWindow;
  }

  /** Sends content. Returns false when some of it waits: `bytes` are left alone then until `owner.sent`, and nothing is sent before. */
  send(bytes: Uint8Array): boolean {
    return this.closed || this.localEnded || this.#host.queue.send(this, bytes);
  }

  /** Sends Latin-1 text as all there is, and ends the sending side; returns false when it cannot leave at once: then nothing was sent. */
  sendWhole(text: string): boolean {
    if (this.closed || this.localEnded) return true;
    if (!this.#host.queue.sendWhole(this, text)) return false;
    this.ended();
    return true;
  }

  /** Like `sendWhole` without the end, for a stream that is about to be reset: one that has ended cannot be. */
  sendUnended(text: string): boolean {
    return !this.closed && !this.localEnded && this.#host.queue.sendWhole(this, text, 0);
  }

  /** Ends the sending side, behind what waits; `trailers` are valid field lines, or ''. */
  end(trailers = '', neverIndexed?: ReadonlySet<string>): void {
    if (this.closed || this.localEnded || this.ending !== undefined) return;
    this.neverIndexed = neverIndexed;
    if (this.pending) {
      this.ending = trailers;
      return;
    }
    if (trailers !== '') this.#host.sendTrailers(this, trailers);
    else this.#host.queue.end(this);
    this.ended();
  }

  /** The last frame of ours has been written. */
  ended(): void {
    this.localEnded = true;
    if (this.remoteEnded) this.#host.finished(this);
  }

  /** The reader has taken so many octets: the peer may send as many more. */
  consumed(bytes: number): void {
    this.#host.consumed(this, bytes);
  }

  /** Ends the stream at once, if it is still open. The owner is not told. */
  reset(code: ErrorName): void {
    if (!this.closed) this.#host.resetStream(this, code);
  }
}
