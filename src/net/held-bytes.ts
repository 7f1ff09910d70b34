// Keeps received bytes until somebody takes them, as copies. What came in small pieces is joined, so that a peer which sends octet by
// octet costs no more memory than one which sends all at once.

/** Pieces from here on are kept as they are. */
const LARGE_BYTES = 4096;
const MAX_JOINED_BYTES = 16_384;
const FIRST_JOINED_BYTES = 256;

export class HeldBytes {
  /** Octets that are kept. */
  length = 0;
  readonly #chunks: Buffer[] = [];
  /** Small pieces behind the chunks, joined: the first `#joinedBytes` of it. */
  #joined: Buffer | undefined = undefined;
  #joinedBytes = 0;

  push(bytes: Uint8Array): void {
    this.length += bytes.length;
    if (bytes.length >= LARGE_BYTES) {
      this.#closeJoined();
      this.#chunks.push(Buffer.from(bytes));
      return;
    }
    const room = this.#roomFor(bytes.length);
    room.set(bytes, this.#joinedBytes);
    this.#joinedBytes += bytes.length;
  }

  /** Takes the next bytes out, at least one octet; `undefined` when there are none. */
  shift(): Buffer | undefined {
    if (this.#chunks.length === 0) this.#closeJoined();
    const chunk = this.#chunks.shift();
    if (chunk) this.length -= chunk.length;
    return chunk;
  }

  clear(): void {
    this.length = 0;
    this.#chunks.length = 0;
    this.#joined = undefined;
    this.#joinedBytes = 0;
  }

  /** Memory with room for so many octets behind `#joinedBytes`. */
  #roomFor(bytes: number): Buffer {
    const wanted = this.#joinedBytes + bytes;
    if (wanted > MAX_JOINED_BYTES) {
      this.#closeJoined();
      return this.#roomFor(bytes);
    }
    const { length = 0 } = this.#joined ?? {};
    if (this.#joined && wanted <= length) return this.#joined;
    const grown = Buffer.allocUnsafeSlow(Math.min(MAX_JOINED_BYTES, Math.max(wanted, FIRST_JOINED_BYTES, 2 * length)));
    this.#joined?.copy(grown, 0, 0, this.#joinedBytes);
    this.#joined = grown;
    return grown;
  }

  #closeJoined(): void {
    if (this.#joined && this.#joinedBytes > 0) this.#chunks.push(this.#joined.subarray(0, this.#joinedBytes));
    this.#joined = undefined;
    this.#joinedBytes = 0;
  }
}
