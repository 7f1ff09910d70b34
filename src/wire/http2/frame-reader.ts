// Cuts received bytes into HTTP/2 frames (RFC 9113 4.1). Knows nothing of what frames mean, but that the content of DATA is passed on
// as it comes while the payload of every other frame is given whole.
import { Http2Error } from './http2-error.ts';
import { FLAG, FRAME, FRAME_HEAD_BYTES } from './protocol.ts';

/** What is told of each frame, in order. Any of these may throw, which ends the reading for good. */
export interface FrameReceiver {
  /** The head of a frame; throws when such a frame may not come now, or not so large. */
  frameHead(type: number, flags: number, streamId: number, length: number): void;
  /** The whole payload of a frame other than DATA; the bytes are valid during the call. */
  framePayload(bytes: Buffer, from: number, to: number): void;
  /** Some content of a DATA frame; valid during the call. */
  dataContent(bytes: Buffer, from: number, to: number): void;
  /** The DATA frame is complete; so many octets of it were padding, with the octet that tells their number. */
  dataEnd(padding: number): void;
}

const EMPTY = Buffer.alloc(0);

/** Of the states, those below zero wait for something else than payload. */
const AWAITS_HEAD = -1;

export class FrameReader {
  readonly #receiver: FrameReceiver;
  /** Octets of a head that came in pieces; made when needed. */
  #head: Buffer | undefined = undefined;
  #headBytes = 0;
  #isData = false;
  /** Octets of payload that are to come, padding left out; `AWAITS_HEAD` between frames. */
  #remaining = AWAITS_HEAD;
  /** Whether the next octet tells how much padding there is. */
  #awaitsPadLength = false;
  #padding = 0;
  /** Octets of padding that are to come. */
  #paddingLeft = 0;
  /** Payload that came in pieces. */
  #payload = EMPTY;
  #payloadBytes = 0;

  constructor(receiver: FrameReceiver) {
    this.#receiver = receiver;
  }

  /** Whether a frame has begun and not ended. */
  get isInFrame(): boolean {
    return this.#remaining !== AWAITS_HEAD || this.#headBytes > 0;
  }

  read(bytes: Buffer, from: number, to: number): void {
    let at = from;
    while (at < to) {
      if (this.#remaining === AWAITS_HEAD) at = this.#readHead(bytes, at, to);
      else if (this.#isData) at = this.#readData(bytes, at, to);
      else at = this.#readPayload(bytes, at, to);
    }
  }

  #readHead(bytes: Buffer, at: number, to: number): number {
    if (this.#headBytes === 0 && to - at >= FRAME_HEAD_BYTES) {
      this.#begin(bytes, at);
      return at + FRAME_HEAD_BYTES;
    }
    this.#head ??= Buffer.alloc(FRAME_HEAD_BYTES);
    const end = Math.min(to, at + FRAME_HEAD_BYTES - this.#headBytes);
    bytes.copy(this.#head, this.#headBytes, at, end);
    this.#headBytes += end - at;
    if (this.#headBytes === FRAME_HEAD_BYTES) {
      this.#headBytes = 0;
      this.#begin(this.#head, 0);
    }
    return end;
  }

  #begin(head: Buffer, at: number): void {
    const length = head.readUIntBE(at, 3);
    const type = head[at + 3] as number;
    const flags = head[at + 4] as number;
    // RFC 9113 4.1: the reserved bit "MUST be ignored when receiving".
    this.#receiver.frameHead(type, flags, head.readUInt32BE(at + 5) & 0x7fffffff, length);
    this.#isData = type === FRAME.DATA;
    this.#remaining = length;
    if (this.#isData) {
      this.#padding = 0;
      this.#paddingLeft = 0;
      this.#awaitsPadLength = (flags & FLAG.PADDED) !== 0;
      if (length > 0) return;
      if (this.#awaitsPadLength) throw tooMuchPadding();
      this.#endData();
    } else if (length === 0) {
      this.#remaining = AWAITS_HEAD;
      this.#receiver.framePayload(EMPTY, 0, 0);
    }
  }

  #readPayload(bytes: Buffer, at: number, to: number): number {
    const end = Math.min(to, at + this.#remaining);
    const isWhole = this.#payloadBytes === 0 && end - at === this.#remaining;
    if (!isWhole) {
      const total = this.#payloadBytes + this.#remaining;
      if (this.#payloadBytes === 0) this.#payload = Buffer.allocUnsafeSlow(total);
      bytes.copy(this.#payload, this.#payloadBytes, at, end);
      this.#payloadBytes += end - at;
      this.#remaining -= end - at;
      if (this.#remaining > 0) return end;
    }
    this.#remaining = AWAITS_HEAD;
    if (isWhole) {
      this.#receiver.framePayload(bytes, at, end);
      return end;
    }
    const payload = this.#payload;
    const length = this.#payloadBytes;
    this.#payload = EMPTY;
    this.#payloadBytes = 0;
    this.#receiver.framePayload(payload, 0, length);
    return end;
  }

  #readData(bytes: Buffer, start: number, to: number): number {
    let at = start;
    if (this.#awaitsPadLength) {
      this.#awaitsPadLength = false;
      const padding = bytes[at++] as number;
      // RFC 9113 6.1: padding of "the length of the frame payload or greater […] MUST" be a connection error of type PROTOCOL_ERROR.
      if (padding >= this.#remaining) throw tooMuchPadding();
      this.#padding = padding + 1;
      this.#paddingLeft = padding;
      this.#remaining -= padding + 1;
    }
    if (this.#remaining > 0 && at < to) {
      const end = Math.min(to, at + this.#remaining);
      this.#remaining -= end - at;
      this.#receiver.dataContent(bytes, at, end);
      at = end;
    }
    if (this.#remaining > 0) return at;
    const skipped = Math.min(to - at, this.#paddingLeft);
    this.#paddingLeft -= skipped;
    if (this.#paddingLeft === 0) this.#endData();
    return at + skipped;
  }

  #endData(): void {
    this.#remaining = AWAITS_HEAD;
    this.#receiver.dataEnd(this.#padding);
  }
}

function tooMuchPadding(): Http2Error {
  return new Http2Error('PROTOCOL_ERROR', 'a frame has more padding than payload');
}
