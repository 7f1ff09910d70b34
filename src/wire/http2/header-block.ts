// Joins the fragments of one header block: HEADERS and the CONTINUATION frames behind it (RFC 9113 4.3), bounded in size and number.
import { abuse, Http2Error } from './http2-error.ts';
import { FLAG } from './protocol.ts';

/** Frames that one block may come in, beyond those that its greatest size needs. */
const MAX_CONTINUATIONS = 32;

export class HeaderBlock {
  /** Stream of the block that is being received; 0 for none. */
  streamId = 0;
  endStream = false;
  /** Where the block is, once it is complete. */
  bytes!: Buffer;
  from = 0;
  to = 0;
  readonly #maxBytes: number;
  #parts: Buffer[] = [];
  #length = 0;

  /** `maxBytes`: compressed, of one block. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Takes the payload of HEADERS; returns whether the block is complete, and then valid as long as `bytes` are. `dependsOn` says
   * which stream a priority in it names, -1 for none. Throws an `Http2Error`.
   */
  begin(flags: number, streamId: number, payload: { bytes: Buffer; from: number; to: number }): boolean {
    const { bytes } = payload;
    let { from, to } = payload;
    if (flags & FLAG.PADDED) {
      const padding = from < to ? (bytes[from++] as number) : 0;
      // RFC 9113 6.2: "Padding that exceeds the size remaining for the field block fragment MUST be treated as a PROTOCOL_ERROR."
      if (payload.from === payload.to || padding > to - from)
        throw new Http2Error('PROTOCOL_ERROR', 'padding exceeds HEADERS');
      to -= padding;
    }
    this.dependsOn = -1;
    if (flags & FLAG.PRIORITY) {
      if (to - from < 5) throw new Http2Error('FRAME_SIZE_ERROR', 'HEADERS is too short for its priority');
      this.dependsOn = bytes.readUInt32BE(from) & 0x7fffffff;
      from += 5;
    }
    this.streamId = streamId;
    this.endStream = (flags & FLAG.END_STREAM) !== 0;
    if (flags & FLAG.END_HEADERS) {
      this.#complete(bytes, from, to);
      return true;
    }
    this.#add(bytes, from, to);
    return false;
  }

  dependsOn = -1;

  /** Takes the payload of CONTINUATION; returns whether the block is complete. */
  continue(flags: number, bytes: Buffer, from: number, to: number): boolean {
    this.#add(bytes, from, to);
    if (!(flags & FLAG.END_HEADERS)) return false;
    const whole = Buffer.concat(this.#parts, this.#length);
    this.#parts = [];
    this.#length = 0;
    this.#complete(whole, 0, whole.length);
    return true;
  }

  /** The block has been read. */
  end(): void {
    this.streamId = 0;
  }

  #complete(bytes: Buffer, from: number, to: number): void {
    this.bytes = bytes;
    this.from = from;
    this.to = to;
  }

  #add(bytes: Buffer, from: number, to: number): void {
    this.#parts.push(Buffer.from(bytes.subarray(from, to)));
    this.#length += to - from;
    // CVE-2024-27316 and its like: a block without end costs memory, or time, before anybody sees a request.
    if (this.#length > this.#maxBytes || this.#parts.length > MAX_CONTINUATIONS)
      throw abuse(
        'continuation-flood',
        `a header block of ${this.#length} bytes in ${this.#parts.length} frames has no end`,
      );
  }
}
