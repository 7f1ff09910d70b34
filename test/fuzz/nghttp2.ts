// Header compression as node:http2 does it, which is nghttp2's: blocks from its client, fields or a refusal from its server. Both
// sit on streams in memory; only as much HTTP/2 is spoken as gets header blocks across.
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  connect,
  createServer,
  type Http2Session,
  type ServerHttp2Stream,
  sensitiveHeaders,
} from 'node:http2';
import { type Duplex, duplexPair } from 'node:stream';
import { HpackDecoder } from '#wire/http2/hpack/decoder.ts';
import { decodePairs, type NameAndValue } from '#wire/http2/hpack/testing.ts';

const HEADERS = 1;
const RST_STREAM = 3;
const SETTINGS = 4;
const PING = 6;
const GOAWAY = 7;
const CONTINUATION = 9;
const ACK = 0x1;
const END_STREAM = 0x1;
const END_HEADERS = 0x4;
const COMPRESSION_ERROR = 9;
const CANCEL = Buffer.from([0, 0, 0, 8]);
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
/** Most that a frame holds where nobody has said anything else. */
const MAX_FRAME_BYTES = 16384;

interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

/** The other end of a node:http2 session: its frames one after the other, and ours to it. */
class FarEnd {
  readonly stream: Duplex;
  readonly #frames: AsyncGenerator<Frame>;

  /** `preface` is how many bytes come before the first frame. */
  constructor(stream: Duplex, preface: number) {
    this.stream = stream;
    stream.on('error', () => {});
    this.#frames = readFrames(stream, preface);
  }

  send(type: number, flags: number, streamId: number, payload: Uint8Array = new Uint8Array()): void {
    const head = Buffer.alloc(9);
    head.writeUIntBE(payload.length, 0, 3);
    head.writeUInt8(type, 3);
    head.writeUInt8(flags, 4);
    head.writeUInt32BE(streamId, 5);
    this.stream.write(Buffer.concat([head, payload]));
  }

  /** Sends a header block that ends its stream, in as many frames as it takes. */
  sendBlock(streamId: number, block: Buffer): void {
    for (let at = 0; at === 0 || at < block.length; at += MAX_FRAME_BYTES) {
      const flags = (at === 0 ? END_STREAM : 0) | (at + MAX_FRAME_BYTES >= block.length ? END_HEADERS : 0);
      this.send(at === 0 ? HEADERS : CONTINUATION, flags, streamId, block.subarray(at, at + MAX_FRAME_BYTES));
    }
  }

  /** The next frame that `wanted` asks for, others being left out; settings are acknowledged on the way. */
  async next(wanted: (frame: Frame) => boolean): Promise<Frame> {
    for (;;) {
      const { value: frame, done } = await this.#frames.next();
      if (done) throw new Error('node:http2 has closed the connection');
      if (frame.type === SETTINGS && (frame.flags & ACK) === 0) this.send(SETTINGS, ACK, 0);
      if (wanted(frame)) return frame;
    }
  }
}

async function* readFrames(stream: Duplex, preface: number): AsyncGenerator<Frame> {
  let bytes = Buffer.alloc(0);
  let skip = preface;
  for await (const chunk of stream) {
    bytes = Buffer.concat([bytes, chunk as Buffer]);
    if (bytes.length < skip) continue;
    bytes = bytes.subarray(skip);
    skip = 0;
    while (bytes.length >= 9 && bytes.length >= 9 + bytes.readUIntBE(0, 3)) {
      const end = 9 + bytes.readUIntBE(0, 3);
      const [type = 0, flags = 0] = bytes.subarray(3, 5);
      yield { type, flags, streamId: bytes.readUInt32BE(5) & 0x7fffffff, payload: Buffer.from(bytes.subarray(9, end)) };
      bytes = bytes.subarray(end);
    }
  }
}

const isAcknowledgement = ({ type, flags }: Frame) => type === SETTINGS && (flags & ACK) !== 0;

/** Encodes fields by node:http2's client. */
export class NodeEncoder {
  readonly #session: ClientHttp2Session;
  readonly #far: FarEnd;
  #streamId = -1;

  /** `maxTableBytes` is the bound of its own that it keeps. */
  constructor(maxTableBytes: number) {
    const [near, far] = duplexPair();
    this.#far = new FarEnd(far, PREFACE.length);
    const options = { maxDeflateDynamicTableSize: maxTableBytes, createConnection: () => near };
    this.#session = connect('http://a.example', options);
    this.#session.on('error', () => {});
    this.#far.send(SETTINGS, 0, 0);
  }

  /** The header block of a request with these fields, which begin with its pseudo-fields. */
  async encode(fields: readonly NameAndValue[]): Promise<Buffer> {
    const stream = this.#session.request(fields.flat(), { endStream: true });
    stream.on('error', () => {});
    this.#streamId += 2;
    const blocks: Buffer[] = [];
    for (;;) {
      const frame = await this.#far.next(({ type }) => type === HEADERS || type === CONTINUATION);
      blocks.push(frame.payload);
      if ((frame.flags & END_HEADERS) !== 0) break;
    }
    this.#far.send(RST_STREAM, 0, this.#streamId, CANCEL);
    return Buffer.concat(blocks);
  }

  /** Tells the client a SETTINGS_HEADER_TABLE_SIZE; it holds from the next block on. */
  async setPeerMaxTableBytes(bytes: number): Promise<void> {
    this.#far.send(SETTINGS, 0, 0, tableSize(bytes));
    await this.#far.next(isAcknowledgement);
  }

  /** Waits until the client has seen our first settings. */
  async ready(): Promise<void> {
    await this.#far.next(isAcknowledgement);
  }

  close(): void {
    this.#session.destroy();
    this.#far.stream.destroy();
  }
}

export interface NodeVerdict {
  /** What the request said; `undefined` when the block was refused, or its fields make no request. */
  readonly fields: readonly NameAndValue[] | undefined;
  /** Names of the fields that must not be indexed. */
  readonly sensitive: readonly string[];
  /** Whether the block could not be decoded: a connection error of type COMPRESSION_ERROR. */
  readonly refused: boolean;
}

/** Decodes blocks by node:http2's server. */
export class NodeDecoder {
  readonly #far: FarEnd;
  readonly #session: Promise<Http2Session>;
  /** Its answers, which another encoder of nghttp2's wrote, are decoded by us. */
  readonly #answers = new HpackDecoder({ maxTableBytes: 4096 });
  #request: NodeVerdict | undefined;
  #streamId = -1;

  /** `answer` is what it answers every request with. */
  constructor(answer: readonly NameAndValue[] = [[':status', '204']]) {
    const [near, far] = duplexPair();
    this.#far = new FarEnd(far, 0);
    const server = createServer();
    this.#session = once(server, 'session').then(([session]) => session as Http2Session);
    server.on('session', (session) => session.on('error', () => {}));
    server.on('stream', (stream: ServerHttp2Stream, headers, _flags, rawHeaders) => {
      stream.on('error', () => {});
      // Its types know neither of these keys nor of the raw fields.
      const sensitive: readonly string[] = Reflect.get(headers, sensitiveHeaders) ?? [];
      this.#request = { fields: pairsOf(rawHeaders as unknown as string[]), sensitive, refused: false };
      stream.respond(answer.flat(), { endStream: true });
    });
    server.emit('connection', near);
    far.write(PREFACE, 'latin1');
    this.#far.send(SETTINGS, 0, 0);
  }

  /** What the server makes of a request of this block. */
  async decode(block: Buffer): Promise<NodeVerdict> {
    this.#request = undefined;
    this.#streamId += 2;
    this.#far.sendBlock(this.#streamId, block);
    this.#far.send(PING, 0, 0, Buffer.alloc(8));
    const last = await this.#far.next(({ type, flags }) => type === GOAWAY || (type === PING && (flags & ACK) !== 0));
    const refused = last.type === GOAWAY && last.payload.readUInt32BE(4) === COMPRESSION_ERROR;
    // What the server sends is read before it has told of what it received.
    await new Promise((resolve) => setImmediate(resolve));
    return this.#request ?? { fields: undefined, sensitive: [], refused };
  }

  /** What the server answers to a request of this block. */
  async answer(block: Buffer): Promise<NameAndValue[]> {
    this.#streamId += 2;
    this.#far.sendBlock(this.#streamId, block);
    const { payload } = await this.#far.next(({ type, streamId }) => type === HEADERS && streamId === this.#streamId);
    return decodePairs(this.#answers, payload);
  }

  /** Lets the server announce a SETTINGS_HEADER_TABLE_SIZE, which holds from the next block on. */
  async setMaxTableBytes(bytes: number): Promise<void> {
    const session = await this.#session;
    session.settings({ headerTableSize: bytes });
    const announced = tableSize(bytes);
    await this.#far.next(({ type, payload }) => type === SETTINGS && payload.equals(announced));
  }

  close(): void {
    this.#far.stream.destroy();
  }
}

function tableSize(bytes: number): Buffer {
  const payload = Buffer.alloc(6);
  payload.writeUInt16BE(1, 0);
  payload.writeUInt32BE(bytes, 2);
  return payload;
}

function pairsOf(flat: readonly string[]): NameAndValue[] {
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i] ?? '', flat[2 * i + 1] ?? '']);
}
