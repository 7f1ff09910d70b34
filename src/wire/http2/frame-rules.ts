// What the head of a frame alone can have wrong: its size, and whether it belongs to a stream or to the connection (RFC 9113 4.2, 6).
import { Http2Error } from './http2-error.ts';
import { FRAME, MAX_FRAME_BYTES } from './protocol.ts';

interface FrameRule {
  readonly name: string;
  /** Whether it belongs to a stream. */
  readonly ofStream: boolean | undefined;
  /** The one length it may have, or the least. */
  readonly length?: number;
  readonly minLength?: number;
}

const RULES: Readonly<Record<number, FrameRule>> = {
  [FRAME.DATA]: { name: 'DATA', ofStream: true },
  [FRAME.HEADERS]: { name: 'HEADERS', ofStream: true },
  // Its wrong length is an error of the stream.
  [FRAME.PRIORITY]: { name: 'PRIORITY', ofStream: true },
  [FRAME.RST_STREAM]: { name: 'RST_STREAM', ofStream: true, length: 4 },
  [FRAME.SETTINGS]: { name: 'SETTINGS', ofStream: false },
  [FRAME.PUSH_PROMISE]: { name: 'PUSH_PROMISE', ofStream: true },
  [FRAME.PING]: { name: 'PING', ofStream: false, length: 8 },
  [FRAME.GOAWAY]: { name: 'GOAWAY', ofStream: false, minLength: 8 },
  [FRAME.WINDOW_UPDATE]: { name: 'WINDOW_UPDATE', ofStream: undefined, length: 4 },
  [FRAME.CONTINUATION]: { name: 'CONTINUATION', ofStream: true },
  [FRAME.PRIORITY_UPDATE]: { name: 'PRIORITY_UPDATE', ofStream: false, minLength: 4 },
};

/** Throws an `Http2Error` for the connection when a frame may not be so. */
export function checkFrameHead(type: number, streamId: number, length: number): void {
  // RFC 9113 4.2: frames beyond SETTINGS_MAX_FRAME_SIZE are a FRAME_SIZE_ERROR; for a single stream it may be the connection's too.
  if (length > MAX_FRAME_BYTES) throw new Http2Error('FRAME_SIZE_ERROR', `a frame of ${length} octets`);
  const rule = RULES[type];
  if (!rule) return;
  const { name, ofStream, minLength } = rule;
  // RFC 9113 6.1 and the like for each type: on the wrong side of stream 0 is a connection error of type PROTOCOL_ERROR.
  if (ofStream === true && streamId === 0) throw new Http2Error('PROTOCOL_ERROR', `${name} on stream 0`);
  if (ofStream === false && streamId !== 0) throw new Http2Error('PROTOCOL_ERROR', `${name} on a stream`);
  if (rule.length !== undefined && length !== rule.length)
    throw new Http2Error('FRAME_SIZE_ERROR', `${name} of ${length} octets`);
  if (minLength !== undefined && length < minLength)
    throw new Http2Error('FRAME_SIZE_ERROR', `${name} of ${length} octets`);
}
