// Writing and reading of bytes on sockets by pieces, with pauses, and with an end that may come at any time.
import type { Socket } from 'node:net';
import { cut } from './integrity-contents.ts';
import type { Dice } from './integrity-dice.ts';

/** So much may wait for its reader before the socket is paused. */
const MAX_PENDING_BYTES = 65536;

/** Writes bytes in pieces, with pauses, as long as `goesOn`; `tail` leaves together with the last piece. */
export async function write(
  socket: Socket,
  bytes: Buffer,
  dice: Dice,
  { goesOn = () => true, tail = '' }: { readonly goesOn?: () => boolean; readonly tail?: string } = {},
): Promise<void> {
  const pieces = cut(bytes, dice);
  for (const [index, piece] of pieces.entries()) {
    if (!goesOn() || socket.destroyed || !socket.writable) return;
    const isLast = index === pieces.length - 1;
    const whole = isLast && tail !== '' ? Buffer.concat([piece, Buffer.from(tail)]) : piece;
    await new Promise<void>((resolve) => void socket.write(whole, () => resolve()));
    if (!isLast) await dice.pause();
  }
}

/** Breaks a connection off, with a reset where there is such a thing. */
export function breakOff(socket: Socket): void {
  // Unix sockets have no address and know no reset.
  if (socket.remoteAddress === undefined) socket.destroy();
  else socket.resetAndDestroy();
}

/** The connection ended, or broke, before what was to be read had come. */
export class BrokenOff extends Error {}

export interface Head {
  readonly start: string;
  /** By name in lower case; the last line of a field wins. */
  readonly fields: ReadonlyMap<string, string>;
}

/** What a socket has received, for one reader. A slow reader holds the socket. */
export class ByteSource {
  /** Whether the peer has ended its side in order. */
  finished = false;
  readonly #socket: Socket;
  #pending = Buffer.alloc(0);
  #gone = false;
  #wake: (() => void) | undefined = undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => {
      this.#pending = Buffer.concat([this.#pending, bytes]);
      if (this.#pending.length > MAX_PENDING_BYTES) socket.pause();
      this.#wake?.();
    });
    socket.on('end', () => {
      this.finished = true;
      this.#wake?.();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#gone = true;
      this.#wake?.();
    });
  }

  /** Bytes that came and were not read. */
  get unread(): Buffer {
    return this.#pending;
  }

  get ended(): boolean {
    return this.finished || this.#gone;
  }

  /** Between one byte and `most` of them. */
  async some(most: number): Promise<Buffer> {
    while (this.#pending.length === 0) await this.#more();
    return this.#take(Math.min(most, this.#pending.length));
  }

  async line(): Promise<string> {
    for (;;) {
      const end = this.#pending.indexOf('\r\n');
      if (end >= 0) return this.#take(end + 2).toString('latin1', 0, end);
      await this.#more();
    }
  }

  async head(): Promise<Head> {
    const start = await this.line();
    const fields = new Map<string, string>();
    for (let line = await this.line(); line !== ''; line = await this.line()) {
      const colon = line.indexOf(':');
      fields.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
    }
    return { start, fields };
  }

  /** Reads content, framed as the head says, at the pace of `dice`; without framing it ends with the connection. */
  async content(head: Head, take: (bytes: Buffer) => void, dice: Dice): Promise<void> {
    const length = head.fields.get('content-length');
    if (head.fields.has('transfer-encoding')) await this.#chunked(take, dice);
    else if (length !== undefined) await this.#bytes(Number(length), take, dice);
    else await this.#untilEnd(take, dice);
  }

  /** Resolves when the peer has ended or the connection is gone; what still comes is dropped. */
  async end(): Promise<void> {
    await this.#untilEnd(() => {}, undefined).catch(() => {});
  }

  async #bytes(length: number, take: (bytes: Buffer) => void, dice: Dice | undefined): Promise<void> {
    for (let left = length; left > 0; ) {
      const bytes = await this.some(left);
      left -= bytes.length;
      take(bytes);
      await dice?.pause();
    }
  }

  async #chunked(take: (bytes: Buffer) => void, dice: Dice): Promise<void> {
    for (;;) {
      const size = Number.parseInt(await this.line(), 16);
      if (size === 0) break;
      await this.#bytes(size, take, dice);
      if ((await this.line()) !== '') throw new Error('a chunk is longer than its size');
    }
    while ((await this.line()) !== '');
  }

  async #untilEnd(take: (bytes: Buffer) => void, dice: Dice | undefined): Promise<void> {
    while (!this.finished || this.#pending.length > 0) await this.#bytesOrEnd(take, dice);
  }

  async #bytesOrEnd(take: (bytes: Buffer) => void, dice: Dice | undefined): Promise<void> {
    if (this.#pending.length > 0) {
      take(this.#take(this.#pending.length));
      await dice?.pause();
    } else if (!this.finished) {
      await this.#more().catch((error) => {
        if (!this.finished) throw error;
      });
    }
  }

  #take(length: number): Buffer {
    const taken = this.#pending.subarray(0, length);
    this.#pending = this.#pending.subarray(length);
    if (this.#pending.length <= MAX_PENDING_BYTES) this.#socket.resume();
    return taken;
  }

  async #more(): Promise<void> {
    if (this.ended) throw new BrokenOff(this.finished ? 'ended' : 'reset');
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }
}
