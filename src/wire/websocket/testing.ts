// Makes WebSocket frames for tests, right ones and wrong ones. Not used by the running program.
import { maskInPlace } from './masking.ts';

export interface TestFrame {
  readonly opcode?: number;
  readonly payload?: string | Uint8Array;
  /** Default true. */
  readonly final?: boolean;
  /** RSV1, RSV2 and RSV3 as they stand in the first byte: 0x40, 0x20, 0x10. */
  readonly reserved?: number;
  /** Four bytes; without them the frame is not masked. */
  readonly key?: Uint8Array;
  /** How the length is written; as short as can be by default. */
  readonly form?: 'short' | 'medium' | 'long';
  /** A length other than the payload's. */
  readonly length?: bigint;
}

/** A key that leaves no byte as it is. */
export const TEST_KEY = new Uint8Array([0x37, 0xfa, 0x21, 0x3d]);

/** A frame; a string is UTF-8. */
export function testFrame(frame: TestFrame): Buffer {
  const { opcode = 1, payload = '', final = true, reserved = 0, key } = frame;
  const content = Buffer.from(payload as string);
  const length = frame.length ?? BigInt(content.length);
  const form = frame.form ?? (length < 126n ? 'short' : length < 65536n ? 'medium' : 'long');
  const head = Buffer.alloc(form === 'short' ? 2 : form === 'medium' ? 4 : 10);
  head[0] = (final ? 0x80 : 0) | reserved | opcode;
  if (form === 'short') head[1] = Number(length);
  else if (form === 'medium') head.writeUInt16BE(Number(length), 2);
  else head.writeBigUInt64BE(length, 2);
  if (form !== 'short') head[1] = form === 'medium' ? 126 : 127;
  if (!key) return Buffer.concat([head, content]);
  head[1] = (head[1] as number) | 0x80;
  maskInPlace(content, key);
  return Buffer.concat([head, key, content]);
}

/** A frame as a client sends it. */
export function clientFrame(frame: TestFrame): Buffer {
  return testFrame({ key: TEST_KEY, ...frame });
}
