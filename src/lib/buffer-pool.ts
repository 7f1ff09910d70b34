// Receive buffers that are used again instead of being allocated for each large message.

export class BufferPool {
  readonly sizeBytes: number;
  readonly #keep: number;
  readonly #free: Buffer[] = [];

  /** Keeps at most `keep` free buffers of `sizeBytes` each. */
  constructor(sizeBytes: number, keep: number) {
    this.sizeBytes = sizeBytes;
    this.#keep = keep;
  }

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.sizeBytes);
  }

  /** Gives a buffer back that nobody reads or writes any more. */
  give(buffer: Buffer): void {
    if (this.#free.length < this.#keep) this.#free.push(buffer);
  }
}
