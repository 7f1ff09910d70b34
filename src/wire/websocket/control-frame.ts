// Writes control frames (RFC 6455 5.5): Close, Ping, Pong.
import { maskInPlace } from './masking.ts';

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** The most payload of a control frame. */
export const MAX_CONTROL_BYTES = 125;

/** The most of a reason: a Close frame holds the code as well. */
const MAX_REASON_BYTES = MAX_CONTROL_BYTES - 2;

/**
 * A whole control frame. `key` masks the payload: four bytes that nobody can guess for a frame to a server (RFC 6455 5.3), and none for
 * one to a client (5.1).
 */
export function controlFrame(opcode: number, payload: Uint8Array, key: Uint8Array | undefined): Buffer {
  const head = key ? 6 : 2;
  const frame = Buffer.allocUnsafe(head + payload.length);
  frame[0] = 0x80 | opcode;
  frame[1] = payload.length;
  frame.set(payload, head);
  if (key) {
    frame[1] |= 0x80;
    frame.set(key, 2);
    maskInPlace(frame.subarray(head), key);
  }
  return frame;
}

/** The payload of a Close frame: a code, and a reason that is cut to what fits. */
export function closePayload(code: number, reason = ''): Buffer {
  const text = Buffer.from(reason);
  let length = Math.min(text.length, MAX_REASON_BYTES);
  // RFC 6455 5.5.1: the reason is UTF-8, so no character is cut in two.
  while (length < text.length && ((text[length] as number) & 0xc0) === 0x80) length--;
  const payload = Buffer.allocUnsafe(2 + length);
  payload.writeUInt16BE(code, 0);
  text.copy(payload, 2, 0, length);
  return payload;
}
