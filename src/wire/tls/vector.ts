// Vectors of TLS's presentation language (RFC 8446 3.4), as they stand in a ClientHello.
import { TlsError } from './tls-error.ts';

/** Bytes that are read from the front; whoever reads past the end has a message that is cut off. */
export class Vector {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Bytes left. */
  get length(): number {
    return this.#bytes.length - this.#at;
  }

  uint(size: 1 | 2): number {
    return this.#take(size).readUIntBE(0, size);
  }

  /** The bytes behind a length of `size` bytes. */
  vector(size: 1 | 2): Vector {
    return new Vector(this.#take(this.uint(size)));
  }

  /** What is left. */
  rest(): Buffer {
    return this.#take(this.length);
  }

  skip(count: number): void {
    this.#take(count);
  }

  /** What is left, as Latin-1. */
  text(): string {
    return this.#take(this.length).toString('latin1');
  }

  mustBeEmpty(): void {
    if (this.length > 0) throw malformed('there are bytes behind the end');
  }

  #take(count: number): Buffer {
    if (count > this.length) throw malformed('it is cut off');
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }
}

export function malformed(what: string): TlsError {
  return new TlsError('decode_error', `the ClientHello is malformed: ${what}`);
}
