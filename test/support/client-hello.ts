// TLS ClientHellos for tests: made byte by byte, cut into records as asked, or taken from OpenSSL as Node has it.
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { type ConnectionOptions, connect } from 'node:tls';

export interface HelloParts {
  readonly names?: readonly string[];
  readonly protocols?: readonly string[];
  /** More extensions: type and data. */
  readonly extensions?: readonly (readonly [number, Buffer])[];
}

/** `bytes` behind their length in `size` bytes. */
export function vector(size: 1 | 2 | 3, bytes: Buffer): Buffer {
  const length = Buffer.alloc(size);
  length.writeUIntBE(bytes.length, 0, size);
  return Buffer.concat([length, bytes]);
}

export function extension(type: number, data: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type >> 8, type & 255]), vector(2, data)]);
}

/** A handshake message (RFC 8446 4.1.2), with its header. */
export function helloMessage({ names = [], protocols = [], extensions = [] }: HelloParts): Buffer {
  const all: Buffer[] = [];
  if (names.length > 0) {
    const entries = names.map((name) => Buffer.concat([Buffer.from([0]), vector(2, Buffer.from(name, 'latin1'))]));
    all.push(extension(0, vector(2, Buffer.concat(entries))));
  }
  if (protocols.length > 0) {
    const entries = protocols.map((protocol) => vector(1, Buffer.from(protocol, 'latin1')));
    all.push(extension(16, vector(2, Buffer.concat(entries))));
  }
  for (const [type, data] of extensions) all.push(extension(type, data));
  return handshake(helloBody(vector(2, Buffer.concat(all))));
}

/** A body with what stands at the place of the extensions. */
export function helloBody(tail: Buffer): Buffer {
  const random = Buffer.alloc(32, 0xab);
  const session = vector(1, Buffer.alloc(32, 0xcd));
  const suites = vector(2, Buffer.from([0x0a, 0x0a, 0x13, 0x01, 0x13, 0x02]));
  return Buffer.concat([Buffer.from([3, 3]), random, session, suites, vector(1, Buffer.from([0])), tail]);
}

export function handshake(body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([1]), vector(3, body)]);
}

/** `message` in handshake records of at most `size` bytes. */
export function records(message: Buffer, size = 16_384): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    parts.push(Buffer.from([22, 3, 1]), vector(2, message.subarray(at, at + size)));
  }
  return Buffer.concat(parts);
}

/** What OpenSSL sends first. */
export async function opensslHello(options: ConnectionOptions): Promise<Buffer> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = connect({ ...options, port, host: '127.0.0.1' });
  client.on('error', () => {});
  const [socket] = await once(server, 'connection');
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  client.destroy();
  socket.destroy();
  server.close();
  return bytes;
}
