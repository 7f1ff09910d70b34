// HTTP/2 frames for tests (RFC 9113): to bytes and back, without a thought of whether they are allowed.
import type { FieldPair } from './hpack.ts';

/** Section 6. */
export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const FLAG = { endStream: 0x1, ack: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;

/** Section 6.5.2, RFC 8441 3 and RFC 9218 2.1. */
export const SETTING = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
  enableConnectProtocol: 8,
  noRfc7540Priorities: 9,
} as const;

/** Section 7; the place in the list is the code. */
export const ERROR_NAMES = [
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'COMPRESSION_ERROR',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
  'INADEQUATE_SECURITY',
  'HTTP_1_1_REQUIRED',
] as const;

/** Section 3.4. */
export const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

const HEAD_BYTES = 9;
/** What fits where the peer has said nothing else. */
const MAX_FRAME_BYTES = 16_384;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
  /** What the field section says that begins here, all its frames taken together. */
  fields?: readonly FieldPair[];
}

export type Setting = readonly [identifier: number, value: number];

export function frameBytes(type: number, flags: number, streamId: number, payload: Buffer | string = ''): Buffer {
  const content = typeof payload === 'string' ? Buffer.from(payload, 'latin1') : payload;
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUIntBE(content.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  // With the reserved bit as it is given.
  head.writeUInt32BE(streamId >>> 0, 5);
  return Buffer.concat([head, content]);
}

/** A HEADERS frame and as many CONTINUATION frames as the block needs. */
export function headersBytes(streamId: number, block: Buffer, flags: number): Buffer {
  const frames: Buffer[] = [];
  for (let at = 0; at === 0 || at < block.length; at += MAX_FRAME_BYTES) {
    const isLast = at + MAX_FRAME_BYTES >= block.length;
    const type = at === 0 ? FRAME.headers : FRAME.continuation;
    const own = (at === 0 ? flags : 0) | (isLast ? FLAG.endHeaders : 0);
    frames.push(frameBytes(type, own, streamId, block.subarray(at, at + MAX_FRAME_BYTES)));
  }
  return Buffer.concat(frames);
}

export function settingsBytes(settings: readonly Setting[]): Buffer {
  const entries = settings.map(([identifier, value]) => {
    const entry = Buffer.alloc(6);
    entry.writeUInt16BE(identifier, 0);
    entry.writeUInt32BE(value, 2);
    return entry;
  });
  return frameBytes(FRAME.settings, 0, 0, Buffer.concat(entries));
}

/** A payload of one number of 32 bits, as of RST_STREAM and WINDOW_UPDATE. */
export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** The frames that a byte stream holds, whatever its pieces. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  push(bytes: Buffer): readonly Frame[] {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const frames: Frame[] = [];
    let at = 0;
    while (all.length - at >= HEAD_BYTES) {
      const end = at + HEAD_BYTES + all.readUIntBE(at, 3);
      if (end > all.length) break;
      frames.push({
        type: all.readUInt8(at + 3),
        flags: all.readUInt8(at + 4),
        streamId: all.readUInt32BE(at + 5) & 0x7fffffff,
        // A copy: sockets give buffers that they may use again.
        payload: Buffer.from(all.subarray(at + HEAD_BYTES, end)),
      });
      at = end;
    }
    this.#rest = Buffer.from(all.subarray(at));
    return frames;
  }
}

/** One line for messages: type, stream, flags, length. */
export function describeFrame({ type, flags, streamId, payload }: Frame): string {
  const name = Object.entries(FRAME).find(([, value]) => value === type)?.[0] ?? `type ${type}`;
  const code = type === FRAME.rstStream ? payload.readUInt32BE(0) : type === FRAME.goaway && payload.readUInt32BE(4);
  const why = typeof code === 'number' ? ` ${ERROR_NAMES[code] ?? code}` : '';
  return `${name}(stream ${streamId}, flags ${flags}, ${payload.length} bytes)${why}`;
}
