// A WebSocket endpoint of the demo's origins that sends back what it gets. Just enough of RFC 6455 for that: unfragmented
// messages of up to 64 KiB.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { acceptFor } from '#wire/websocket/handshake.ts';

const OPCODE_CLOSE = 8;
const OPCODE_PING = 9;
const OPCODE_PONG = 10;

/** Completes the opening handshake (RFC 6455 4.2.2) and echoes from then on. */
export function acceptWebSocket(request: IncomingMessage, socket: Duplex, name: string): void {
  socket.on('error', () => socket.destroy());
  const key = request.headers['sec-websocket-key'];
  if (request.headers.upgrade?.toLowerCase() !== 'websocket' || key === undefined) {
    socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
    return;
  }
  const fields = `upgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${acceptFor(key)}\r\nx-origin: ${name}`;
  socket.write(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n\r\n`);
  let rest = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    for (let frame = readFrame(rest); frame !== undefined; frame = readFrame(rest)) {
      if (frame === 'refused') return void socket.destroy();
      rest = rest.subarray(frame.length);
      answerFrame(socket, frame);
    }
  });
  socket.on('end', () => socket.end());
}

interface Frame {
  readonly opcode: number;
  readonly content: Buffer;
  /** Octets of the whole frame. */
  readonly length: number;
}

/** The first frame of `bytes` (RFC 6455 5.2); `undefined` when it is not all there. */
function readFrame(bytes: Buffer): Frame | 'refused' | undefined {
  if (bytes.length < 2) return undefined;
  const first = bytes.readUInt8(0);
  const second = bytes.readUInt8(1);
  const short = second & 0x7f;
  // Final, masked, and not of the 64-bit length form.
  if ((first & 0x80) === 0 || (second & 0x80) === 0 || short === 127) return 'refused';
  const maskAt = short === 126 ? 4 : 2;
  if (bytes.length < maskAt + 4) return undefined;
  const size = short === 126 ? bytes.readUInt16BE(2) : short;
  const length = maskAt + 4 + size;
  if (bytes.length < length) return undefined;
  const content = Buffer.from(bytes.subarray(maskAt + 4, length));
  for (let i = 0; i < size; i++) content.writeUInt8(content.readUInt8(i) ^ bytes.readUInt8(maskAt + (i & 3)), i);
  return { opcode: first & 0x0f, content, length };
}

function answerFrame(socket: Duplex, { opcode, content }: Frame): void {
  if (opcode === OPCODE_PONG) return;
  const size = content.length;
  const head = size < 126 ? Buffer.from([0, size]) : Buffer.from([0, 126, size >> 8, size & 0xff]);
  head.writeUInt8(0x80 | (opcode === OPCODE_PING ? OPCODE_PONG : opcode), 0);
  socket.write(Buffer.concat([head, content]));
  if (opcode === OPCODE_CLOSE) socket.end();
}
