// What the peer may send on the whole connection (RFC 9113 6.9): opened again as content is taken, half a window at a time.
import type { FrameWriter } from './frame-writer.ts';
import { DEFAULT_WINDOW, FRAME } from './protocol.ts';

export class ReceiveWindow {
  /** Octets that the peer may still send. */
  bytes = DEFAULT_WINDOW;
  /** Octets of content that have come in all. */
  received = 0;
  readonly #writer: FrameWriter;
  readonly #size: number;
  /** Octets taken since the last WINDOW_UPDATE. */
  #unannounced = 0;

  constructor(writer: FrameWriter, size: number) {
    this.#writer = writer;
    this.#size = size;
  }

  /** Content has come; returns whether there was room for it. */
  take(bytes: number): boolean {
    this.bytes -= bytes;
    this.received += bytes;
    return this.bytes >= 0;
  }

  /** Content has been taken, by whomever. */
  credit(bytes: number): void {
    this.#unannounced += bytes;
    if (this.#unannounced < this.#size / 2) return;
    this.#writer.numberFrame(FRAME.WINDOW_UPDATE, 0, this.#unannounced);
    this.bytes += this.#unannounced;
    this.#unannounced = 0;
  }
}
