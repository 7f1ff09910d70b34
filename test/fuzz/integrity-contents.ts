// Content that can be told apart wherever it comes out: slices of one large random text, framed and compared.
import { seededRandom } from '#lib/random.ts';
import type { Dice } from './integrity-dice.ts';
import type { Framing, Plan } from './integrity-plan.ts';

const POOL_BYTES = 16 * 1024 * 1024;
const MAX_PIECES = 40;

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
export function cut(bytes: Buffer, dice: Dice): readonly Buffer[] {
  const most = Math.max(dice.pick([1, 10, 100, 1000, 10_000, 100_000]), Math.ceil((2 * bytes.length) / MAX_PIECES));
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = dice.between(1, most);
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}
