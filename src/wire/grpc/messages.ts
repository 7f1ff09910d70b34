// How messages of gRPC stand one behind the other in content: each behind a flag and its length.
// https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md

/** A flag that tells of compression, and the length in four bytes. */
export const PREFIX_BYTES = 5;

/** The message behind its prefix. */
export function frameMessage(flag: number, message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
  framed[0] = flag;
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, PREFIX_BYTES);
  return framed;
}

/** Tells whether content that comes in parts ends between two messages. */
export class MessageBounds {
  /** Bytes of the present prefix that have come, and what they tell of the length. */
  #prefixBytes = 0;
  #length = 0;
  /** Bytes of the present message that are still to come. */
  #missing = 0;

  get isBetween(): boolean {
    return this.#prefixBytes === 0 && this.#missing === 0;
  }

  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#missing > 0) {
        const taken = Math.min(this.#missing, bytes.length - at);
        this.#missing -= taken;
        at += taken;
        continue;
      }
      // The flag comes first, and is no part of the length.
      if (this.#prefixBytes > 0) this.#length = this.#length * 256 + (bytes[at] as number);
      at++;
      if (++this.#prefixBytes < PREFIX_BYTES) continue;
      this.#missing = this.#length;
      this.#length = 0;
      this.#prefixBytes = 0;
    }
  }
}
