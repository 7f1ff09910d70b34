// One side of a WebSocket for tests that says exactly the bytes it is told to, and reads what frames come back: written apart from the
// program's own reader, so that neither hides the other's mistakes.
import type { WireReader } from './wire-reader.ts';

export interface ReadFrame {
  readonly final: boolean;
  /** RSV1, RSV2 and RSV3 as they stand in the first byte. */
  readonly reserved: number;
  readonly opcode: number;
  /** The four bytes of the mask; `undefined` without one. */
  readonly key: string | undefined;
  /** Without its mask, one character a byte. */
  readonly payload: string;
  /** The frame as it came. */
  readonly bytes: string;
}

export class FramePeer {
  readonly #reader: WireReader;
  readonly #write: (bytes: Buffer) => void;
  readonly #end: () => void;

  constructor(reader: WireReader, socket: { write(bytes: Buffer): unknown; end(): unknown }) {
    this.#reader = reader;
    this.#write = (bytes) => void socket.write(bytes);
    this.#end = () => void socket.end();
  }

  send(...frames: readonly Buffer[]): void {
    this.#write(Buffer.concat(frames));
  }

  end(): void {
    this.#end();
  }

  /** The next frame; rejects when the peer ends before. */
  async frame(): Promise<ReadFrame> {
    const head = await this.#reader.bytes(2);
    const first = head.charCodeAt(0);
    const second = head.charCodeAt(1);
    const short = second & 0x7f;
    const extended = short < 126 ? '' : await this.#reader.bytes(short === 126 ? 2 : 8);
    const length = extended === '' ? short : Number.parseInt(Buffer.from(extended, 'latin1').toString('hex'), 16);
    const key = second & 0x80 ? await this.#reader.bytes(4) : undefined;
    const masked = await this.#reader.bytes(length);
    const payload = key === undefined ? masked : unmask(masked, key);
    return {
      final: (first & 0x80) !== 0,
      reserved: first & 0x70,
      opcode: first & 0x0f,
      key,
      payload,
      bytes: head + extended + (key ?? '') + masked,
    };
  }

  /** The next frame, which is a Close frame: its code (1005 without one) and its reason. */
  async close(): Promise<{ readonly code: number; readonly reason: string }> {
    const { opcode, payload } = await this.frame();
    if (opcode !== 8) throw new Error(`a frame with opcode ${opcode} came ahead of the Close frame`);
    const code = payload === '' ? 1005 : payload.charCodeAt(0) * 256 + payload.charCodeAt(1);
    return { code, reason: Buffer.from(payload.slice(2), 'latin1').toString() };
  }

  /** Exactly so many bytes, as they come. */
  bytes(length: number): Promise<string> {
    return this.#reader.bytes(length);
  }

  /** The code of the error that has ended its connection, if one has. */
  get error(): string | undefined {
    return (this.#reader.error as NodeJS.ErrnoException | undefined)?.code;
  }

  /** All that still comes, until the peer ends. */
  rest(): Promise<string> {
    return this.#reader.rest();
  }
}

function unmask(masked: string, key: string): string {
  return Array.from(masked, (character, i) =>
    String.fromCharCode(character.charCodeAt(0) ^ key.charCodeAt(i % 4)),
  ).join('');
}
