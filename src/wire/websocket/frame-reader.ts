// Reads WebSocket frames (RFC 6455 5) from bytes in pieces of any size, strictly, and without collecting messages: tells where frames
// begin and end within the bytes, so that whoever passes them on can do so as they are. Control frames, which are small, are read whole.
import { isSendable } from './close-code.ts';
import { MAX_CONTROL_BYTES, OPCODE } from './control-frame.ts';
import { MAX_UNMASKED_BYTES, maskInPlace, unmasked } from './masking.ts';
import { Utf8Check } from './utf8-check.ts';
import { WebSocketViolation } from './violation.ts';

/** Two bytes, eight of a long length, four of a mask. */
const MAX_HEAD_BYTES = 14;

const FINAL = 0x80;
const COMPRESSED = 0x40;
const RESERVED = 0x30;
const MASKED = 0x80;

/** Where a frame begins of which a part has come with an earlier read, that could not be judged then. */
export const BEGUN_EARLIER = -1;
/** Where a data frame begins whose head was read with an earlier read. */
export const PASSED_EARLIER = -2;

export interface FrameRules {
  /** Who sends the frames: those of a client are masked, those of a server are not. */
  readonly sender: 'client' | 'server';
  /** Whether messages may be compressed by permessage-deflate (RFC 7692). */
  readonly compression: boolean;
  /** The most payload of a data frame, and of a message in all its frames. As it is sent: compressed, where it is. */
  readonly maxFrameBytes: number;
  readonly maxMessageBytes: number;
}

/** Is told what the bytes of one `read` are; positions are within them. */
export interface FrameVisitor {
  /** The head of a data frame has been read. Its head began at `start`, or earlier: see `BEGUN_EARLIER`. */
  dataBegins(start: number): void;
  /** The last byte of a data frame lies ahead of `end`. */
  dataEnds(end: number): void;
  /** A whole control frame lies between the two. `payload` has no mask, and is the visitor's own. */
  control(opcode: number, payload: Buffer, start: number, end: number): void;
}

export class FrameReader {
  /** Messages whose last byte has been read. */
  messages = 0;
  readonly #rules: FrameRules;
  readonly #head = Buffer.allocUnsafe(MAX_HEAD_BYTES);
  #headLength = 0;
  /** Where the frame begins that is being read. */
  #start = 0;
  #opcode = 0;
  #final = false;
  readonly #key = new Uint8Array(4);
  /** Payload of the frame that has been read, and that which is still to come. */
  #offset = 0;
  #remaining = 0;
  /** Payload of the control frame that is being read. */
  #control: Buffer | undefined = undefined;
  #insideData = false;
  /** Of the message that is being read: its opcode, or 0 between messages; its payload; whether its text is checked. */
  #message = 0;
  #messageBytes = 0;
  #isChecked = false;
  readonly #text = new Utf8Check();
  #closed = false;

  constructor(rules: FrameRules) {
    this.#rules = rules;
  }

  /** Whether the head of a data frame has been read, and not all of its payload. */
  get insideData(): boolean {
    return this.#insideData;
  }

  /** Whether a Close frame has been read: what comes behind it means nothing. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Where the frame begins that was read last; see `BEGUN_EARLIER` and `PASSED_EARLIER`. */
  get start(): number {
    return this.#start;
  }

  /**
   * Reads the bytes. Returns the end of what is known to keep the rules; from there on lies a part of a frame that can only be judged
   * with what follows. Throws a `WebSocketViolation`; nothing is to be read after that.
   */
  read(bytes: Buffer, visitor: FrameVisitor): number {
    const { length } = bytes;
    let at = 0;
    let judged = 0;
    if (this.#insideData) this.#start = PASSED_EARLIER;
    else if (this.#headLength > 0 || this.#control) this.#start = BEGUN_EARLIER;
    while (at < length && !this.#closed) {
      if (this.#insideData) {
        at = this.#readPayload(bytes, at, visitor);
      } else if (this.#control) {
        at = this.#readControl(this.#control, bytes, at, visitor);
      } else {
        if (this.#headLength === 0) this.#start = at;
        at = this.#readHead(bytes, at);
        if (this.#headLength > 0) break;
        if (this.#opcode < OPCODE.close) visitor.dataBegins(this.#start);
        this.#beginPayload(at, visitor);
      }
      if (!this.#control) judged = at;
    }
    return judged;
  }

  /** Returns the end of the head; if it is not all there, `#headLength` tells how much of it is kept. */
  #readHead(bytes: Buffer, from: number): number {
    let at = from;
    while (at < bytes.length) {
      this.#head[this.#headLength++] = bytes[at++] as number;
      if (this.#headLength < 2) continue;
      if (this.#headLength === 2) this.#checkStart();
      const size = this.#sizeOfHead();
      if (this.#headLength < size) continue;
      this.#headLength = 0;
      this.#takeHead(size);
      break;
    }
    return at;
  }

  #sizeOfHead(): number {
    const second = this.#head[1] as number;
    const short = second & 0x7f;
    const extended = short < 126 ? 0 : short === 126 ? 2 : 8;
    return 2 + extended + (second & MASKED ? 4 : 0);
  }

  /** What the first two bytes alone can do wrong. */
  #checkStart(): void {
    const [first = 0, second = 0] = this.#head;
    const opcode = first & 0x0f;
    // RFC 6455 5.2, RSV: "MUST be 0 unless an extension is negotiated that defines meanings for non-zero values".
    if (first & RESERVED) throw broken('RSV2 or RSV3 is set, which no extension has given a meaning');
    if (first & COMPRESSED) this.#checkCompressed(opcode);
    // RFC 6455 5.2, opcode: "If an unknown opcode is received, the receiving endpoint MUST _Fail the WebSocket Connection_."
    if ((opcode > OPCODE.binary && opcode < OPCODE.close) || opcode > OPCODE.pong)
      throw broken(`there is no opcode ${opcode}`);
    const isMasked = (second & MASKED) !== 0;
    // RFC 6455 5.1: "The server MUST close the connection upon receiving a frame that is not masked", and "A client MUST close a
    // connection if it detects a masked frame."
    if (isMasked !== (this.#rules.sender === 'client'))
      throw broken(isMasked ? 'a frame of a server is masked' : 'a frame of a client is not masked');
    if (opcode >= OPCODE.close) checkControlStart(first, opcode, second & 0x7f);
    // RFC 6455 5.4: fragments follow each other, and fragments of two messages "MUST NOT be interleaved".
    else if (opcode === OPCODE.continuation && this.#message === 0)
      throw broken('a continuation has nothing to continue');
    else if (opcode !== OPCODE.continuation && this.#message !== 0) throw broken('a message begins inside of another');
  }

  #checkCompressed(opcode: number): void {
    if (!this.#rules.compression) throw broken('RSV1 is set, and no compression was negotiated');
    // RFC 7692 6.1: it "MUST set the RSV1 bit only on the first fragment" of a message, and control frames are not compressed (5).
    if (opcode !== OPCODE.text && opcode !== OPCODE.binary)
      throw broken('RSV1 is set on a frame that does not begin a message');
  }

  #takeHead(size: number): void {
    const head = this.#head;
    const first = head[0] as number;
    this.#opcode = first & 0x0f;
    this.#final = (first & FINAL) !== 0;
    this.#remaining = this.#readLength();
    this.#offset = 0;
    if (this.#rules.sender === 'client') head.copy(this.#key, 0, size - 4, size);
    if (this.#opcode >= OPCODE.close) return;
    if (this.#opcode !== OPCODE.continuation) {
      this.#message = this.#opcode;
      this.#messageBytes = 0;
      this.#isChecked = this.#opcode === OPCODE.text && (first & COMPRESSED) === 0;
      this.#text.reset();
    }
    const { maxFrameBytes, maxMessageBytes } = this.#rules;
    this.#messageBytes += this.#remaining;
    if (this.#remaining > maxFrameBytes)
      throw new WebSocketViolation(1009, `a frame has more than ${maxFrameBytes} bytes`);
    if (this.#messageBytes > maxMessageBytes)
      throw new WebSocketViolation(1009, `a message has more than ${maxMessageBytes} bytes`);
  }

  #readLength(): number {
    const head = this.#head;
    const short = (head[1] as number) & 0x7f;
    if (short < 126) return short;
    // RFC 6455 5.2: "the minimal number of bytes MUST be used to encode the length".
    if (short === 126) {
      const length = head.readUInt16BE(2);
      if (length < 126) throw broken('a length is written with more bytes than it needs');
      return length;
    }
    const high = head.readUInt32BE(2);
    // RFC 6455 5.2: of 64 bits, "the most significant bit MUST be 0".
    if (high >= 0x80000000) throw broken('a length has its most significant bit set');
    const length = high * 0x100000000 + head.readUInt32BE(6);
    if (length < 65536) throw broken('a length is written with more bytes than it needs');
    // What is no exact number here is more than anybody can send.
    if (length > Number.MAX_SAFE_INTEGER) throw new WebSocketViolation(1009, 'a frame has more than 2^53 bytes');
    return length;
  }

  #beginPayload(at: number, visitor: FrameVisitor): void {
    if (this.#opcode >= OPCODE.close) {
      this.#control = Buffer.allocUnsafe(this.#remaining);
      if (this.#remaining === 0) this.#endControl(this.#control, at, visitor);
    } else {
      this.#insideData = true;
      if (this.#remaining === 0) this.#endData(at, visitor);
    }
  }

  #readPayload(bytes: Buffer, from: number, visitor: FrameVisitor): number {
    const to = Math.min(bytes.length, from + this.#remaining);
    if (this.#isChecked) this.#checkText(bytes, from, to);
    this.#offset += to - from;
    this.#remaining -= to - from;
    if (this.#remaining === 0) this.#endData(to, visitor);
    return to;
  }

  /** RFC 6455 8.1: what is not valid UTF-8 fails the connection. */
  #checkText(bytes: Buffer, from: number, to: number): void {
    for (let at = from; at < to; ) {
      const end = Math.min(to, at + MAX_UNMASKED_BYTES);
      const part =
        this.#rules.sender === 'client'
          ? unmasked(bytes, at, end, this.#key, this.#offset + at - from)
          : bytes.subarray(at, end);
      if (!this.#text.take(part)) throw new WebSocketViolation(1007, 'a text is not valid UTF-8');
      at = end;
    }
  }

  #endData(end: number, visitor: FrameVisitor): void {
    if (this.#final) {
      if (this.#isChecked && !this.#text.complete)
        throw new WebSocketViolation(1007, 'a text ends within a character of UTF-8');
      this.#message = 0;
      this.messages++;
    }
    this.#insideData = false;
    visitor.dataEnds(end);
  }

  #readControl(payload: Buffer, bytes: Buffer, from: number, visitor: FrameVisitor): number {
    const to = Math.min(bytes.length, from + this.#remaining);
    bytes.copy(payload, this.#offset, from, to);
    this.#offset += to - from;
    this.#remaining -= to - from;
    if (this.#remaining === 0) this.#endControl(payload, to, visitor);
    return to;
  }

  #endControl(payload: Buffer, end: number, visitor: FrameVisitor): void {
    this.#control = undefined;
    if (this.#rules.sender === 'client') maskInPlace(payload, this.#key);
    if (this.#opcode === OPCODE.close) {
      checkClose(payload);
      this.#closed = true;
    }
    visitor.control(this.#opcode, payload, this.#start, end);
  }
}

/** RFC 6455 5.5: control frames "MUST have a payload length of 125 bytes or less and MUST NOT be fragmented". */
function checkControlStart(first: number, opcode: number, short: number): void {
  if ((first & FINAL) === 0) throw broken('a control frame is fragmented');
  if (short > MAX_CONTROL_BYTES) throw broken('a control frame has more than 125 bytes');
  // RFC 6455 5.5.1: "If there is a body, the first two bytes of the body MUST be a 2-byte unsigned integer".
  if (opcode === OPCODE.close && short === 1) throw broken('a Close frame has half a code');
}

function checkClose(payload: Buffer): void {
  if (payload.length === 0) return;
  const code = payload.readUInt16BE(0);
  if (!isSendable(code)) throw broken(`no Close frame may have the code ${code}`);
  const reason = new Utf8Check();
  if (!reason.take(payload.subarray(2)) || !reason.complete)
    throw new WebSocketViolation(1007, 'the reason of a Close frame is not valid UTF-8');
}

function broken(message: string): WebSocketViolation {
  return new WebSocketViolation(1002, message);
}
