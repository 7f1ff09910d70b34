// Writes HTTP/2 frames into a buffer that leaves as a whole: what one turn of the loop has to say goes out in one write. Not for
// what may be sent when; see SendQueue.
//
// Hot path: frames of all streams are gathered in one buffer from a pool, so that a connection which says nothing holds none.
import { BufferPool } from '#lib/buffer-pool.ts';
import { FLAG, FRAME, FRAME_HEAD_BYTES, MAX_FRAME_BYTES } from './protocol.ts';

/** Where the bytes go. */
export interface FrameSink {
  /** Sends bytes; true when their memory is free again, false when some wait for `drained`, until when they are left alone. */
  write(bytes: Uint8Array): boolean;
  /** There is something to send: `flush` is to be called at the end of this turn. */
  wantsFlush(): void;
}

const BUFFER_BYTES = 65536;
const buffers = new BufferPool(BUFFER_BYTES, 64);

/** A place in the output that has not left yet. */
export interface FramePlace {
  readonly flushes: number;
  readonly at: number;
}

export class FrameWriter {
  /** Whether the peer is slow to take what was sent. */
  blocked = false;
  /** Whether more waits than any peer that reads lets wait. */
  overrun = false;
  /** The most octets of payload that the peer takes in a frame, and that we make. */
  maxFrameBytes = MAX_FRAME_BYTES;
  readonly #sink: FrameSink;
  readonly #maxWaitingBytes: number;
  #buffer: Buffer | undefined = undefined;
  #length = 0;
  #waiting = 0;
  #flushes = 0;

  /** `maxWaitingBytes`: the most that any peer that reads lets wait. */
  constructor(sink: FrameSink, maxWaitingBytes: number) {
    this.#sink = sink;
    this.#maxWaitingBytes = maxWaitingBytes;
  }

  /** Sends what there is. */
  flush(): void {
    const buffer = this.#buffer;
    if (!buffer) return;
    const length = this.#length;
    this.#buffer = undefined;
    this.#length = 0;
    this.#flushes++;
    if (this.#sink.write(buffer.subarray(0, length))) {
      buffers.give(buffer);
      return;
    }
    this.blocked = true;
    this.#waiting += length;
    this.overrun = this.#waiting > this.#maxWaitingBytes;
  }

  /** Has the sink flush at the end of this turn, also where nothing has been written. */
  wake(): void {
    this.#sink.wantsFlush();
  }

  /** The peer has taken all that was sent. */
  drained(): void {
    this.blocked = false;
    this.#waiting = 0;
  }

  /** Writes bytes as they are. */
  raw(bytes: Buffer): void {
    bytes.copy(this.#room(bytes.length), this.#length);
    this.#length += bytes.length;
  }

  /** Writes a small frame; `payload` is at most 16 KiB. */
  frame(type: number, flags: number, streamId: number, payload: Uint8Array): void {
    const buffer = this.#begin(type, flags, streamId, payload.length);
    buffer.set(payload, this.#length);
    this.#length += payload.length;
  }

  /** Writes a frame whose payload is one number of 32 bits. */
  numberFrame(type: number, streamId: number, value: number): void {
    const buffer = this.#begin(type, 0, streamId, 4);
    this.#length = buffer.writeUInt32BE(value, this.#length);
  }

  /** Writes a header block as HEADERS and as many CONTINUATION as it takes. */
  headers(streamId: number, block: Buffer, endStream: boolean): void {
    const end = endStream ? FLAG.END_STREAM : 0;
    const { maxFrameBytes } = this;
    if (block.length <= maxFrameBytes) {
      this.frame(FRAME.HEADERS, FLAG.END_HEADERS | end, streamId, block);
      return;
    }
    this.frame(FRAME.HEADERS, end, streamId, block.subarray(0, maxFrameBytes));
    for (let at = maxFrameBytes; at < block.length; at += maxFrameBytes) {
      const flags = at + maxFrameBytes >= block.length ? FLAG.END_HEADERS : 0;
      this.frame(FRAME.CONTINUATION, flags, streamId, block.subarray(at, at + maxFrameBytes));
    }
  }

  /** Writes one DATA frame of `bytes` from `from` to `to`. */
  data(streamId: number, bytes: Uint8Array, from: number, to: number): void {
    const buffer = this.#begin(FRAME.DATA, 0, streamId, to - from);
    buffer.set(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to), this.#length);
    this.#length += to - from;
  }

  /** Like `data` for Latin-1 text. */
  dataText(streamId: number, text: string, flags: number): void {
    const buffer = this.#begin(FRAME.DATA, flags, streamId, text.length);
    this.#length += buffer.write(text, this.#length, 'latin1');
  }

  /** Where the frame that was written last begins, for `setFlags`. */
  place(payloadBytes: number): FramePlace {
    return { flushes: this.#flushes, at: this.#length - payloadBytes - FRAME_HEAD_BYTES };
  }

  /** Sets flags of a frame; returns false when it has left already. */
  setFlags({ flushes, at }: FramePlace, flags: number): boolean {
    if (flushes !== this.#flushes || !this.#buffer) return false;
    this.#buffer[at + 4] = (this.#buffer[at + 4] as number) | flags;
    return true;
  }

  #begin(type: number, flags: number, streamId: number, length: number): Buffer {
    const buffer = this.#room(FRAME_HEAD_BYTES + length);
    const at = this.#length;
    buffer[at] = length >>> 16;
    buffer[at + 1] = (length >>> 8) & 255;
    buffer[at + 2] = length & 255;
    buffer[at + 3] = type;
    buffer[at + 4] = flags;
    buffer[at + 5] = streamId >>> 24;
    buffer[at + 6] = (streamId >>> 16) & 255;
    buffer[at + 7] = (streamId >>> 8) & 255;
    buffer[at + 8] = streamId & 255;
    this.#length = at + FRAME_HEAD_BYTES;
    return buffer;
  }

  /** A buffer with room for so much behind `#length`. */
  #room(bytes: number): Buffer {
    if (this.#buffer && this.#length + bytes > BUFFER_BYTES) this.flush();
    if (!this.#buffer) {
      this.#buffer = buffers.take();
      this.#sink.wantsFlush();
    }
    return this.#buffer;
  }
}
