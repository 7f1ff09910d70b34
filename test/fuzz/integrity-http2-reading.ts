// Reads the content of a stream of `node:http2`, on either side.
import type { Http2Stream } from 'node:http2';

/** It may seem simpler to iterate over the stream; however, that fails when the peer has answered and wants no more of the request. */
export class Reading {
  /** Whether the peer has ended it in order. */
  isWhole: boolean;
  readonly #stream: Http2Stream;
  #wake: () => void = () => {};

  constructor(stream: Http2Stream) {
    this.#stream = stream;
    // The end of no content comes without anybody having asked for it.
    this.isWhole = stream.readableEnded;
    stream.on('readable', () => this.#wake());
    stream.on('end', () => {
      this.isWhole = true;
      this.#wake();
    });
    stream.on('close', () => this.#wake());
  }

  /** Some of it; `undefined` when there is no more. */
  async next(): Promise<Buffer | undefined> {
    for (;;) {
      const bytes = this.#stream.read() as Buffer | null;
      if (bytes) return bytes;
      if (this.isWhole || this.#stream.destroyed) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
