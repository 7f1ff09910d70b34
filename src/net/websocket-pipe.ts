// One direction of a WebSocket that is looked at: reads frames, passes them on as they are, and puts control frames of the gateway's own
// between them.
//
// Nothing is collected: bytes of data frames pass as they come, under the back-pressure of the stream they go to. Only what cannot be
// judged yet, a part of a head or of a control frame, is kept back.
import type { ByteStream } from '#model/byte-stream.ts';
import { CLOSE_CODE } from '#wire/websocket/close-code.ts';
import { OPCODE } from '#wire/websocket/control-frame.ts';
import {
  BEGUN_EARLIER,
  FrameReader,
  type FrameRules,
  type FrameVisitor,
  PASSED_EARLIER,
} from '#wire/websocket/frame-reader.ts';

/** What the side that sends the frames wants to know of them. */
export interface PipeOwner {
  /** A frame has come that is to be passed on. Throws a `WebSocketViolation` when it is one too many. */
  countFrame(): void;
  /** Whether a pong answers a ping of the gateway, and is not passed on. */
  isOwnPong(payload: Buffer): boolean;
  /** A Close frame was read, which is passed on if none was put in; with its code, or 1005. */
  closeRead(code: number): void;
  /** The Close frame that was put in is written. */
  closeWritten(): void;
}

/**
 * What becomes of frames: they pass; only the rest of the present one does; none does, and they are read for a Close frame alone; nobody
 * reads them.
 */
type State = 'open' | 'ending' | 'shut' | 'ignored';

const NOTHING: Buffer = Buffer.alloc(0);

export class WebSocketPipe implements FrameVisitor {
  /** Bytes that were passed on. */
  passed = 0;
  /** Whether there was anything of a data frame in what was taken last. */
  tookData = false;
  readonly #target: ByteStream;
  readonly #owner: PipeOwner;
  readonly #reader: FrameReader;
  #state: State = 'open';
  /** Whether the target has a part of a data frame. */
  #isInside = false;
  /** Bytes of earlier reads that could not be judged then, and whether they have been since. */
  #kept = NOTHING;
  #isKeptJudged = false;
  /** What is being read, and from where on it was not passed yet. */
  #bytes = NOTHING;
  #from = 0;
  #mayKeep = false;
  #flows = true;
  /** What waits for the end of a data frame. */
  #ping: Buffer | undefined = undefined;
  #close: Buffer | undefined = undefined;

  constructor(target: ByteStream, rules: FrameRules, owner: PipeOwner) {
    this.#target = target;
    this.#owner = owner;
    this.#reader = new FrameReader(rules);
  }

  /** Messages that have been read to their end. */
  get messages(): number {
    return this.#reader.messages;
  }

  /** Whether the target has a part of a data frame, so that nothing can be put in. */
  get isInside(): boolean {
    return this.#isInside;
  }

  /** Whether frames pass, or at least the rest of the present one does. */
  get isOpen(): boolean {
    return this.#state === 'open' || this.#state === 'ending';
  }

  /** Whether nobody reads what comes. */
  get isIgnored(): boolean {
    return this.#state === 'ignored';
  }

  /**
   * Takes bytes that are valid during the call, or if they may be kept, until the target has drained. Returns whether more may come. Throws
   * a `WebSocketViolation`, when all ahead of it has been passed on: what comes then is ignored.
   */
  take(bytes: Buffer, mayKeep: boolean): boolean {
    if (this.#state === 'ignored') return true;
    this.#bytes = bytes;
    this.#mayKeep = mayKeep;
    this.#from = 0;
    this.#flows = true;
    this.tookData = this.#reader.insideData;
    try {
      const judged = this.#reader.read(bytes, this);
      this.#passUntil(judged);
      this.#keep(judged);
      this.#isInside = this.isOpen && this.#reader.insideData;
    } catch (error) {
      const { start } = this.#reader;
      if (start >= 0) this.#passUntil(start);
      this.#isInside = this.isOpen && start === PASSED_EARLIER;
      this.#state = 'ignored';
      throw error;
    } finally {
      this.#bytes = NOTHING;
    }
    return this.#flows;
  }

  /** Puts a ping in as soon as no data frame is in its way. */
  putPing(frame: Buffer): void {
    if (!this.isOpen) return;
    this.#ping = frame;
    if (!this.#isInside) this.#putWaiting();
  }

  /** The same with a Close frame: nothing passes behind it. Returns whether there will be such a moment. */
  putClose(frame: Buffer): boolean {
    this.#close = frame;
    if (!this.#isInside) this.#putWaiting();
    else if (this.#state === 'open') this.#state = 'ending';
    return this.#close === undefined || this.#state === 'ending';
  }

  // What the reader tells.

  dataBegins(start: number): void {
    if (!this.isOpen) return;
    this.#owner.countFrame();
    this.tookData = true;
    if (start === BEGUN_EARLIER) this.#isKeptJudged = true;
  }

  dataEnds(end: number): void {
    if (!this.isOpen || !(this.#ping || this.#close)) return;
    this.#passUntil(end);
    this.#putWaiting();
  }

  control(opcode: number, payload: Buffer, start: number, end: number): void {
    if (this.isOpen) this.#passControl(opcode, payload, start, end);
    if (opcode !== OPCODE.close) return;
    this.#owner.closeRead(payload.length === 0 ? CLOSE_CODE.none : payload.readUInt16BE(0));
  }

  #passControl(opcode: number, payload: Buffer, start: number, end: number): void {
    this.#owner.countFrame();
    if (opcode === OPCODE.pong && this.#owner.isOwnPong(payload)) {
      if (start === BEGUN_EARLIER) this.#kept = NOTHING;
      else this.#passUntil(start);
      this.#from = end;
      return;
    }
    if (start === BEGUN_EARLIER) this.#isKeptJudged = true;
    if (opcode !== OPCODE.close) return;
    this.#passUntil(end);
    this.#state = 'shut';
  }

  #passUntil(end: number): void {
    if (!this.isOpen) return;
    let part = this.#bytes.subarray(this.#from, end);
    this.#from = end;
    if (this.#isKeptJudged) {
      part = Buffer.concat([this.#kept, part]);
      this.#kept = NOTHING;
      this.#isKeptJudged = false;
    } else if (!this.#mayKeep) {
      part = Buffer.from(part);
    }
    if (part.length === 0) return;
    this.passed += part.length;
    this.#write(part);
  }

  #keep(judged: number): void {
    if (!this.isOpen || judged === this.#bytes.length) return;
    this.#kept = Buffer.concat([this.#kept, this.#bytes.subarray(judged)]);
  }

  #putWaiting(): void {
    const ping = this.#ping;
    const close = this.#close;
    this.#ping = undefined;
    this.#close = undefined;
    if (ping && !close) this.#write(ping);
    if (!close) return;
    this.#write(close);
    if (this.isOpen) this.#state = 'shut';
    this.#owner.closeWritten();
  }

  #write(bytes: Buffer): void {
    const flows = this.#target.write(bytes);
    this.#flows &&= flows;
  }
}
