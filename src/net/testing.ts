// A byte stream in memory for tests: what is written to it is kept, and it takes and gives only what it is told to. Not used by the running
// program.
import type { ByteStream, StreamReceiver } from '#model/byte-stream.ts';

const nobody: StreamReceiver = {
  bytes: () => true,
  drained() {},
  ended() {},
  closed() {},
};

export class MemoryStream implements ByteStream {
  receiver: StreamReceiver = nobody;
  readonly tls = undefined;
  relaying = false;
  closed = false;
  endedUnannounced = false;
  bytesRead = 0;
  bytesWritten = 0;
  readonly remoteAddress = '192.0.2.1';
  readonly remotePort = 50000;
  readonly localAddress = '192.0.2.200';
  readonly localPort = 8080;
  /** Whether writes are taken at once. */
  takes = true;
  /** Whether it is being read; false once its receiver has said to wait. */
  reading = false;
  /** Whether our side has ended it, and whether it was ended by a reset. */
  hasEnded = false;
  wasReset = false;
  #written: Buffer[] = [];

  /** What was written since the last call. */
  take(): Buffer {
    const written = Buffer.concat(this.#written);
    this.#written = [];
    return written;
  }

  /** The peer sends bytes, which are overwritten behind the receiver's back, as those in a shared buffer are. */
  give(bytes: Uint8Array): void {
    const shared = Buffer.from(bytes);
    this.bytesRead += bytes.length;
    this.reading = this.receiver.bytes(shared, shared.length, false);
    shared.fill(0xee);
  }

  /** The peer has taken what was written. */
  drain(): void {
    this.takes = true;
    this.receiver.drained();
  }

  /** The peer sends no more. */
  giveEnd(): void {
    this.receiver.ended();
    if (this.hasEnded) this.#close(undefined);
  }

  /** The connection breaks. */
  break(error?: Error): void {
    this.#close(error);
  }

  write(data: string | Uint8Array): boolean {
    if (this.closed || this.hasEnded) return true;
    const bytes = Buffer.from(data as string, 'latin1');
    this.bytesWritten += bytes.length;
    this.#written.push(bytes);
    return this.takes;
  }

  writeParts(head: string, body: string | Uint8Array, tail: string): boolean {
    this.write(head);
    this.write(body);
    return this.write(tail);
  }

  keep(): void {}

  pause(): void {
    this.reading = false;
  }

  resume(): void {
    this.reading = true;
  }

  end(): void {
    this.hasEnded = true;
  }

  closeWhenSent(): void {
    this.#close(undefined);
  }

  abort(): void {
    this.#close(undefined);
  }

  reset(): void {
    this.wasReset = true;
    this.#close(undefined);
  }

  /** A stream tells of its end later, and not during the call that has ended it. */
  #close(error: NodeJS.ErrnoException | undefined): void {
    if (this.closed) return;
    this.closed = true;
    queueMicrotask(() => this.receiver.closed(error));
  }
}
