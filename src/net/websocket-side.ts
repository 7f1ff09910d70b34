// One side of a WebSocket that is looked at, client or endpoint: its connection, and how far the close with it has come.
import { randomBytes } from 'node:crypto';
import type { ByteStream, StreamReceiver } from '#model/byte-stream.ts';
import { closePayload, controlFrame, OPCODE } from '#wire/websocket/control-frame.ts';
import type { FrameRules } from '#wire/websocket/frame-reader.ts';
import { WebSocketViolation } from '#wire/websocket/violation.ts';
import type { PingPayloads, PingWatch, WatchedSide } from './ping-watch.ts';
import { type PipeOwner, WebSocketPipe } from './websocket-pipe.ts';

export type SideName = 'client' | 'endpoint';

/** What a side asks and tells. */
export interface SideOwner {
  /** Throws a `WebSocketViolation` when the side has sent one frame too many. */
  countFrame(side: WebSocketSide): void;
  /** The payloads of pings, of both sides. */
  readonly payloads: PingPayloads;
  /** Bytes have come from the side. */
  moved(side: WebSocketSide): void;
  /** What waited for the side has been taken by it. */
  drained(side: WebSocketSide): void;
  closeRead(side: WebSocketSide, code: number): void;
  violated(side: WebSocketSide, violation: WebSocketViolation): void;
  isSilent(side: WebSocketSide): void;
  /** The side sends no more (FIN). */
  ended(side: WebSocketSide): void;
  closed(side: WebSocketSide, error: Error | undefined): void;
}

export class WebSocketSide implements StreamReceiver, PipeOwner, WatchedSide {
  readonly name: SideName;
  readonly stream: ByteStream;
  /** The frames that it sends. */
  readonly pipe: WebSocketPipe;
  /** The side that gets them. */
  other!: WebSocketSide;
  /** Whether nothing is read from it until the other side has taken what was. */
  held = false;
  /** Whether it has sent a Close frame, and was sent one. */
  hasClosed = false;
  isTold = false;
  /** Whether it sends no more, and whether its connection is gone. */
  hasEnded = false;
  isGone = false;
  readonly #owner: SideOwner;
  /** Asks it for signs of life. */
  #pings: PingWatch | undefined = undefined;

  constructor(name: SideName, streams: { own: ByteStream; other: ByteStream }, rules: FrameRules, owner: SideOwner) {
    this.name = name;
    this.stream = streams.own;
    this.pipe = new WebSocketPipe(streams.other, rules, this);
    this.#owner = owner;
  }

  /** Takes over the stream; `early` has come from it ahead. */
  start(early: Buffer | undefined): void {
    this.stream.relaying = true;
    this.stream.receiver = this;
    if (early && early.length > 0 && !this.bytes(early, early.length, true)) return;
    this.stream.resume();
  }

  /** Asks it for signs of life from now on. */
  watch(pings: PingWatch): void {
    this.#pings = pings;
  }

  stopWatching(): void {
    this.#pings?.stop();
    this.#pings = undefined;
  }

  /**
   * Sends it a Close frame, now or at the end of the data frame that it is being sent, if it was not sent one before. Returns whether there
   * will be such a moment.
   */
  tell(code: number, reason: string): boolean {
    return (
      this.isTold || this.isGone || this.other.pipe.putClose(this.#frame(OPCODE.close, closePayload(code, reason)))
    );
  }

  /** Ends our side of its connection if all has been said. */
  settle(): void {
    if (!this.isTold || this.isGone) return;
    if (!this.hasClosed && !this.hasEnded && !this.pipe.isIgnored) return;
    // RFC 6455 7.1.1: the server closes the connection first, which to the client is us; a client "SHOULD wait" for that.
    if (this.name === 'client' || this.hasEnded || this.pipe.isIgnored) this.stream.end();
  }

  bytes(buffer: Buffer, length: number, mayKeep: boolean): boolean {
    try {
      this.held = !this.pipe.take(buffer.subarray(0, length), mayKeep);
    } catch (error) {
      if (!(error instanceof WebSocketViolation)) throw error;
      this.held = false;
      this.#owner.violated(this, error);
    }
    this.#pings?.heard();
    this.#owner.moved(this);
    return !this.held;
  }

  drained(): void {
    this.#pings?.heard();
    this.#owner.drained(this);
    this.other.goOn();
  }

  ended(): void {
    this.hasEnded = true;
    this.#owner.ended(this);
  }

  closed(error: Error | undefined): void {
    this.isGone = true;
    this.stopWatching();
    // Nobody is left to take what it sends.
    this.other.goOn();
    this.#owner.closed(this, error);
  }

  /** Reads on, if that was waiting for the other side. */
  goOn(): void {
    if (!this.held) return;
    this.held = false;
    // What it has said meanwhile is yet to be read.
    this.#pings?.heard();
    this.stream.resume();
  }

  // What the pipe asks and tells.

  countFrame(): void {
    this.#owner.countFrame(this);
  }

  isOwnPong(payload: Buffer): boolean {
    return this.#owner.payloads.has(payload);
  }

  closeRead(code: number): void {
    this.hasClosed = true;
    this.#owner.closeRead(this, code);
  }

  closeWritten(): void {
    this.other.isTold = true;
    this.other.settle();
  }

  // What the watch asks and tells.

  sendPing(): void {
    this.other.pipe.putPing(this.#frame(OPCODE.ping, this.#owner.payloads.next()));
  }

  isSilent(): void {
    this.#owner.isSilent(this);
  }

  /** A control frame for this side. */
  #frame(opcode: number, payload: Buffer): Buffer {
    // RFC 6455 5.1: to the endpoint we are the client, which masks all its frames; to the client the server, which masks none.
    return controlFrame(opcode, payload, this.name === 'endpoint' ? randomBytes(4) : undefined);
  }
}
