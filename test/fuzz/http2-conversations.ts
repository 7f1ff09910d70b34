// Conversations of HTTP/2 clients, valid ones and such as are nearly so, as frames and as bytes. Repeatable by the mutator's seed.
import { requestFields } from '../support/frame-sender.ts';
import { type FieldPair, hpackIndexed, hpackLiteral, hpackTableSize } from '../support/hpack.ts';
import {
  FLAG,
  FRAME,
  frameBytes,
  headersBytes,
  PREFACE,
  SETTING,
  settingsBytes,
  uint32,
} from '../support/http2-frames.ts';
import type { Mutator } from './mutate.ts';

const PRIORITY_UPDATE = 16;
const UNKNOWN_TYPE = 0x42;
const TYPES = [...Object.values(FRAME), PRIORITY_UPDATE, UNKNOWN_TYPE];

const FIELDS: readonly FieldPair[] = [
  ['accept', '*/*'],
  ['user-agent', 'fuzz'],
  ['cookie', 'a=b'],
  ['cookie', 'c=d'],
  ['te', 'trailers'],
  ['content-length', '5'],
  ['priority', 'u=1, i'],
  ['host', 'example.com'],
  ['x-long', 'x'.repeat(300)],
  ['x-empty', ''],
];

/** Fields that make a message malformed, or nearly. */
const ODD_FIELDS: readonly FieldPair[] = [
  ['Upper', '1'],
  ['connection', 'close'],
  ['transfer-encoding', 'chunked'],
  ['te', 'gzip'],
  [':path', '/again'],
  [':unknown', 'x'],
  ['x', 'a\r\nb'],
  ['x', ' a'],
  ['', ''],
  ['content-length', '7'],
  ['content-length', '-1'],
  ['host', 'other.example'],
];

/** Frames that no request needs, and none of which is wrong. */
const EXTRAS: readonly ((mutator: Mutator, streamId: number) => Buffer)[] = [
  () => frameBytes(FRAME.ping, 0, 0, '8 octets'),
  () => frameBytes(FRAME.ping, FLAG.ack, 0, '8 octets'),
  (mutator) => settingsBytes([[SETTING.initialWindowSize, mutator.pick([0, 1, 100, 65_535, 1_000_000])]]),
  (mutator) => settingsBytes([[SETTING.headerTableSize, mutator.pick([0, 100, 4096])]]),
  (mutator) => frameBytes(FRAME.windowUpdate, 0, 0, uint32(mutator.pick([1, 1000, 100_000]))),
  (mutator, id) => frameBytes(FRAME.windowUpdate, 0, id, uint32(mutator.pick([1, 1000, 100_000]))),
  (_, id) => frameBytes(FRAME.priority, 0, id, Buffer.from([0, 0, 0, 0, 16])),
  (_, id) => frameBytes(PRIORITY_UPDATE, 0, 0, Buffer.concat([uint32(id), Buffer.from('u=0')])),
  (_, id) => frameBytes(UNKNOWN_TYPE, 0xff, id, 'what'),
];

/** Frames that are wrong, or may be. */
const ODDITIES: readonly ((mutator: Mutator, streamId: number) => Buffer)[] = [
  (_, id) => frameBytes(FRAME.rstStream, 0, id, uint32(8)),
  (_, id) => frameBytes(FRAME.windowUpdate, 0, id, uint32(0)),
  (_, id) => frameBytes(FRAME.windowUpdate, 0, id, uint32(2 ** 31 - 1)),
  (_, id) => frameBytes(FRAME.priority, 0, id, 'bad'),
  (_, id) => frameBytes(FRAME.priority, 0, id, Buffer.concat([uint32(id), Buffer.from([1])])),
  (_, id) => frameBytes(FRAME.data, FLAG.endStream, id, 'late'),
  (_, id) => frameBytes(FRAME.data, FLAG.padded, id, Buffer.from([3, 1, 0, 0, 0])),
  (_, id) => frameBytes(FRAME.headers, FLAG.endHeaders | FLAG.endStream, id, hpackLiteral(['x-late', '1'])),
  (_, id) => frameBytes(FRAME.continuation, FLAG.endHeaders, id, hpackLiteral(['x', '1'])),
  () => frameBytes(FRAME.goaway, 0, 0, Buffer.alloc(8)),
  () => settingsBytes([[SETTING.initialWindowSize, 2 ** 31]]),
  () => frameBytes(FRAME.settings, FLAG.ack, 0),
  () => frameBytes(FRAME.headers, FLAG.endHeaders, 2, hpackIndexed(2)),
];

/** Makes the frames of a conversation, one by one. */
export class Conversation {
  readonly #mutator: Mutator;
  /** How likely it is that something is wrong, from 0 to 1. */
  readonly #oddness: number;
  #nextId = 1;

  constructor(mutator: Mutator, oddness: number) {
    this.#mutator = mutator;
    this.#oddness = oddness;
  }

  /** A whole conversation behind the preface: requests one after the other and interleaved, with other frames between. */
  frames(): Buffer[] {
    const requests = Array.from({ length: 1 + this.#mutator.integer(5) }, () => this.#request());
    const frames: Buffer[] = [settingsBytes(this.#mutator.integer(2) === 0 ? [] : [[SETTING.initialWindowSize, 500]])];
    // Streams are opened in their order; what follows comes in turns.
    for (const [index, request] of requests.entries()) {
      frames.push(...request.splice(0, 1));
      const opened = requests.slice(0, index + 1);
      while (this.#mutator.integer(2) === 0) frames.push(...this.#mutator.pick(opened).splice(0, 1));
    }
    for (let left = requests.filter(({ length }) => length > 0); left.length > 0; ) {
      frames.push(...this.#mutator.pick(left).splice(0, 1));
      left = left.filter(({ length }) => length > 0);
    }
    return frames;
  }

  /** The frames of one request; a header block is one of them. */
  #request(): Buffer[] {
    const mutator = this.#mutator;
    const id = this.#nextId;
    this.#nextId += mutator.pick([2, 2, 2, 4]);
    const parts = Array.from({ length: mutator.integer(4) }, () => this.#content());
    const hasTrailers = mutator.integer(4) === 0;
    const frames: Buffer[] = [this.#head(id, parts.length === 0 && !hasTrailers ? FLAG.endStream : 0)];
    parts.forEach((part, index) => {
      const end = index === parts.length - 1 && !hasTrailers ? FLAG.endStream : 0;
      frames.push(this.#data(id, part, end));
    });
    if (hasTrailers) frames.push(headersBytes(id, this.#block([['x-trailer', '1']]), FLAG.endStream));
    return frames.flatMap((frame) => {
      if (this.#isOdd()) return [frame, mutator.pick(ODDITIES)(mutator, id)];
      return mutator.integer(3) === 0 ? [frame, mutator.pick(EXTRAS)(mutator, id)] : [frame];
    });
  }

  #head(id: number, flags: number): Buffer {
    const mutator = this.#mutator;
    const fields = [...requestFields([[':method', mutator.pick(['GET', 'POST', 'HEAD'])]], [[':path', `/${id}`]])];
    for (let more = mutator.integer(4); more > 0; more--) fields.push(mutator.pick(FIELDS));
    if (this.#isOdd()) fields.splice(mutator.integer(fields.length + 1), mutator.integer(2), mutator.pick(ODD_FIELDS));
    return splitBlock(id, this.#block(fields), flags, mutator.integer(3));
  }

  #block(fields: readonly FieldPair[]): Buffer {
    const parts = fields.map((field) => hpackLiteral(field, this.#mutator.pick(['kept', 'plain', 'never'])));
    if (this.#mutator.integer(8) === 0) parts.unshift(hpackTableSize(this.#mutator.pick([0, 200, 4096])));
    if (this.#isOdd()) parts.push(hpackIndexed(this.#mutator.pick([0, 2, 62, 63, 200])));
    return Buffer.concat(parts);
  }

  #content(): Buffer {
    return Buffer.alloc(this.#mutator.pick([0, 1, 5, 5, 200, 5000, 16_384]), 'x');
  }

  #data(id: number, content: Buffer, flags: number): Buffer {
    if (this.#mutator.integer(4) > 0 || content.length > 16_000) return frameBytes(FRAME.data, flags, id, content);
    const padding = this.#mutator.integer(256);
    const payload = Buffer.concat([Buffer.from([padding]), content, Buffer.alloc(padding)]);
    return frameBytes(FRAME.data, flags | FLAG.padded, id, payload);
  }

  #isOdd(): boolean {
    return this.#mutator.random() < this.#oddness;
  }
}

/** A header block in one HEADERS and so many CONTINUATION. */
function splitBlock(id: number, block: Buffer, flags: number, continuations: number): Buffer {
  const size = Math.ceil(block.length / (continuations + 1));
  const frames = Array.from({ length: continuations + 1 }, (_, index) => {
    const end = index === continuations ? FLAG.endHeaders : 0;
    const part = block.subarray(index * size, (index + 1) * size);
    return frameBytes(index === 0 ? FRAME.headers : FRAME.continuation, (index === 0 ? flags : 0) | end, id, part);
  });
  return Buffer.concat(frames);
}

/** The bytes of a client's conversation with changes to its frames and its bytes: none, or a few. */
export function mutated(mutator: Mutator, frames: readonly Buffer[]): Buffer {
  return mutatedFrames(mutator, frames, PREFACE);
}

/** The same of any frames, behind `start`. */
export function mutatedFrames(mutator: Mutator, frames: readonly Buffer[], start = ''): Buffer {
  const changed = [...frames];
  for (let changes = mutator.pick([0, 0, 1, 3]); changes > 0; changes--) changeFrames(mutator, changed);
  const bytes = Buffer.concat([Buffer.from(start, 'latin1'), ...changed]);
  for (let changes = mutator.pick([0, 0, 0, 0, 1, 3]); changes > 0; changes--)
    bytes[mutator.integer(bytes.length)] = mutator.integer(256);
  return bytes;
}

function changeFrames(mutator: Mutator, frames: Buffer[]): void {
  const at = mutator.integer(frames.length);
  const frame = frames[at] ?? Buffer.alloc(9);
  const copy = Buffer.from(frame);
  switch (mutator.integer(7)) {
    case 0:
      frames.splice(at, 1);
      return;
    case 1:
      frames.splice(mutator.integer(frames.length), 0, copy);
      return;
    case 2:
      copy[3] = mutator.pick(TYPES);
      break;
    case 3:
      copy[4] = mutator.integer(256);
      break;
    case 4:
      copy.writeUInt32BE(mutator.pick([0, 1, 2, 3, 5, 7, 9, 101, 2 ** 31 + 1]), 5);
      break;
    case 5:
      copy.writeUIntBE(mutator.pick([0, 1, 4, 5, 8, 100, 16_385]), 0, 3);
      break;
    default:
      frames.splice(at, 0, mutator.pick(ODDITIES)(mutator, mutator.pick([0, 1, 3, 5, 99])));
      return;
  }
  frames[at] = copy;
}

/** `bytes` in pieces of random length, of a random one of these at most. */
export function pieces(
  mutator: Mutator,
  bytes: Buffer,
  sizes: readonly number[] = [1, 9, 20, 200, 5000, 100_000],
): readonly Buffer[] {
  const most = mutator.pick(sizes);
  const all: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + mutator.integer(most);
    all.push(bytes.subarray(at, end));
    at = end;
  }
  return all;
}
