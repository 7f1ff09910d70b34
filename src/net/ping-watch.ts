// Asks one side of a WebSocket for a sign of life when nothing has come from it for a while (RFC 6455 5.5.2).
import { randomBytes } from 'node:crypto';
import type { Deadlined, DeadlineEntry, Deadlines } from '#lib/deadlines.ts';

/** The side that is asked. */
export interface WatchedSide {
  /** Whether nothing is read from it at the moment, so that it cannot be heard. */
  readonly held: boolean;
  sendPing(): void;
  /** It has not been heard of in time. */
  isSilent(): void;
}

export interface WatchTimes {
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

export class PingWatch implements Deadlined {
  deadline: DeadlineEntry | undefined = undefined;
  readonly #side: WatchedSide;
  readonly #times: WatchTimes;
  readonly #deadlines: Deadlines;
  #isAsked = false;

  constructor(side: WatchedSide, times: WatchTimes, deadlines: Deadlines) {
    this.#side = side;
    this.#times = times;
    this.#deadlines = deadlines;
    this.heard();
  }

  /**
   * Anything at all has come from it, or has been taken by it. It may seem right to wait for the pong; however, a side that has been
   * pinged by both, gateway and other side, may answer the later ping alone (RFC 6455 5.5.3).
   */
  heard(): void {
    this.#isAsked = false;
    this.#deadlines.set(this, this.#times.intervalMs);
  }

  stop(): void {
    this.#deadlines.clear(this);
  }

  onDeadline(): void {
    if (this.#isAsked && !this.#side.held) {
      this.#side.isSilent();
      return;
    }
    if (!this.#isAsked) this.#side.sendPing();
    this.#isAsked = true;
    this.#deadlines.set(this, this.#times.timeoutMs);
  }
}

/** The payloads of a gateway's pings on one WebSocket, by which it knows the pongs that answer them. */
export class PingPayloads {
  readonly #tag = randomBytes(4);
  #count = 0;

  next(): Buffer {
    const payload = Buffer.allocUnsafe(8);
    this.#tag.copy(payload);
    payload.writeUInt32BE(++this.#count % 0x100000000, 4);
    return payload;
  }

  /** Whether a pong with this payload answers one of them, a late one too. */
  has(payload: Buffer): boolean {
    return payload.length === 8 && this.#tag.compare(payload, 0, 4) === 0;
  }
}
