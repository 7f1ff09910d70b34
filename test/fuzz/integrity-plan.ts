// What one request of the integrity test is made of, and how its client and its origin are to behave: all of it follows from the
// seed and the number of the request. Also the bytes of both sides, and a reader apart from the program's own.
import type { Socket } from 'node:net';
import { type Random, seededRandom } from '#lib/random.ts';

const POOL_BYTES = 16 * 1024 * 1024;
/** So much may wait for its reader before the socket is paused. */
const MAX_PENDING_BYTES = 65536;
const MAX_PIECES = 40;
/** More than the kernel takes on the way from one TCP socket to another: the rest is held back. Unix sockets hold much less. */
const HELD_BYTES = 3_000_000;

export class Dice {
  readonly #random: Random;
  readonly #isSlow: boolean;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    this.#isSlow = this.chance(0.3);
  }

  chance(probability: number): boolean {
    return this.#random() < probability;
  }

  /** A whole number from `least` to `most`. */
  between(least: number, most: number): number {
    return least + Math.floor(this.#random() * (most - least + 1));
  }

  pick<T>(items: readonly T[]): T {
    return items[this.between(0, items.length - 1)] as T;
  }

  /** Most often nothing, sometimes a turn of the loop; for the slow ones also some milliseconds, seldom more. */
  async pause(): Promise<void> {
    const chosen = this.#random();
    if (this.#isSlow && chosen > 0.995) await sleep(this.between(100, 300));
    else if (this.#isSlow && chosen > 0.9) await sleep(this.between(1, 15));
    else if (chosen > 0.7) await new Promise((resolve) => setImmediate(resolve));
  }
}

export type Framing = 'none' | 'length' | 'chunked' | 'close';

export interface AnswerPlan {
  readonly status: number;
  readonly framing: Framing;
  readonly size: number;
  /** When it is written: behind the request's content, before any of that is read, or while it is read. */
  readonly when: 'after' | 'early' | 'meanwhile';
  /** How many informational responses come ahead. */
  readonly interim: number;
  /** What happens to the connection behind it; `surplus` sends bytes that belong to nothing. */
  readonly behind: 'keep' | 'close' | 'close-silently' | 'surplus';
  /** Happens to the first attempt only. */
  readonly fault: 'none' | 'reset-before' | 'reset-within' | 'silent' | 'stall-within';
}

export interface Plan {
  readonly id: number;
  readonly method: string;
  readonly version: '1.0' | '1.1';
  readonly keepAlive: boolean;
  readonly framing: Framing;
  readonly size: number;
  readonly expect: boolean;
  /** Whether the credentials are right, where some are asked for. */
  readonly admitted: boolean;
  readonly answer: AnswerPlan;
}

const FAULTS = ['reset-before', 'reset-before', 'reset-within', 'reset-within', 'silent', 'stall-within'] as const;

/** The plan of a request. `ahead` tells that it is sent ahead of the answer to the one before. */
export function planRequest(id: number, dice: Dice, ahead: boolean): Plan {
  const version = dice.chance(0.1) ? '1.0' : '1.1';
  const method = dice.pick(['GET', 'GET', 'HEAD', 'POST', 'POST', 'POST', 'PUT', 'PUT']);
  const hasContent = method === 'POST' || method === 'PUT' || dice.chance(0.1);
  const chunked = version === '1.1' && dice.chance(0.5);
  const contentFraming = chunked ? 'chunked' : 'length';
  const size = hasContent ? planSize(dice, ahead) : 0;
  return {
    id,
    method,
    version,
    keepAlive: dice.chance(version === '1.0' ? 0.5 : 0.95),
    framing: hasContent ? contentFraming : 'none',
    size,
    expect: size > 0 && version === '1.1' && !ahead && dice.chance(0.1),
    admitted: dice.chance(0.95),
    answer: planAnswer(dice, ahead),
  };
}

function planSize(dice: Dice, small: boolean): number {
  const chosen = dice.between(0, 99);
  if (chosen < 10) return 0;
  if (chosen < 40) return dice.between(1, 2000);
  if (chosen < 60 || small) return dice.between(1, 40_000);
  if (chosen < 97) return dice.between(1, 300_000);
  return dice.between(HELD_BYTES, 2 * HELD_BYTES);
}

function planAnswer(dice: Dice, ahead: boolean): AnswerPlan {
  const size = planSize(dice, ahead);
  const status = dice.pick([200, 200, 200, 200, 200, 200, 404, 500, 204]);
  const framing =
    status === 204 ? 'none' : dice.pick<Framing>(['length', 'length', 'length', 'chunked', 'chunked', 'close']);
  return {
    status,
    framing,
    size: framing === 'none' ? 0 : size,
    when: dice.pick(['after', 'after', 'after', 'after', 'early', 'meanwhile']),
    interim: dice.chance(0.1) ? dice.between(1, 3) : 0,
    behind: dice.pick(['keep', 'keep', 'keep', 'keep', 'keep', 'keep', 'close', 'close-silently', 'surplus']),
    fault: dice.chance(0.06) ? dice.pick(FAULTS) : 'none',
  };
}

/** The content of each request and response: a slice of one pool of random bytes, whose place follows from the request's number. */
export class Contents {
  readonly #pool = Buffer.allocUnsafeSlow(POOL_BYTES);

  constructor(seed: number) {
    const random = seededRandom(seed);
    for (let at = 0; at < POOL_BYTES; at += 4) this.#pool.writeUInt32LE(Math.floor(random() * 2 ** 32), at);
  }

  request({ id, size }: Plan): Buffer {
    return this.#slice(2 * id, size);
  }

  response({ id, answer }: Plan): Buffer {
    return this.#slice(2 * id + 1, answer.size);
  }

  #slice(number: number, size: number): Buffer {
    const at = (Math.imul(number + 1, 2654435761) >>> 0) % (POOL_BYTES - size);
    return this.#pool.subarray(at, at + size);
  }
}

/** Compares content piece by piece with what it should be. */
export class Comparison {
  received = 0;
  /** Where the first piece begins that is not as it should be; -1 while there is none. */
  differsAt = -1;
  readonly #expected: Buffer;

  constructor(expected: Buffer) {
    this.#expected = expected;
  }

  get whole(): boolean {
    return this.received === this.#expected.length && this.differsAt < 0;
  }

  readonly take = (bytes: Buffer): void => {
    const expected = this.#expected.subarray(this.received, this.received + bytes.length);
    if (this.differsAt < 0 && !bytes.equals(expected)) this.differsAt = this.received;
    this.received += bytes.length;
  };
}

/** Content as it goes over the wire; chunks are cut by chance. */
export function framed(content: Buffer, framing: Framing, dice: Dice): Buffer {
  if (framing !== 'chunked') return content;
  const chunks = cut(content, dice).flatMap((bytes) => [
    Buffer.from(`${bytes.length.toString(16)}${dice.chance(0.1) ? ';a=b' : ''}\r\n`),
    bytes,
    Buffer.from('\r\n'),
  ]);
  return Buffer.concat([...chunks, Buffer.from(`0\r\n${dice.chance(0.2) ? 'X-Trailer: 1\r\n' : ''}\r\n`)]);
}

/** Cuts bytes into pieces of one order of size. */
function cut(bytes: Buffer, dice: Dice): readonly Buffer[] {
  const most = Math.max(dice.pick([1, 10, 100, 1000, 10_000, 100_000]), Math.ceil((2 * bytes.length) / MAX_PIECES));
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = dice.between(1, most);
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}

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

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
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
