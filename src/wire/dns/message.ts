// DNS messages (RFC 1035 section 4) as a client needs them: writes a question, reads the answer to it. Bytes only, no sockets.
import { formatIpAddress } from '#lib/ip-address.ts';

export type RecordType = 'A' | 'AAAA' | 'SRV';

export interface AddressRecord {
  readonly type: 'A' | 'AAAA';
  readonly ttl: number;
  readonly address: string;
}

/** RFC 2782. */
export interface ServiceRecord {
  readonly type: 'SRV';
  readonly ttl: number;
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  /** '' for the root, which means that the service is decidedly not available. */
  readonly target: string;
}

export type AnswerRecord = AddressRecord | ServiceRecord;

export interface DnsAnswer {
  /** RFC 1035 4.1.1: 0 is no error, 3 is a name that does not exist. */
  readonly code: number;
  /** Whether records were left out for want of room. */
  readonly truncated: boolean;
  /** Those of the type asked for, found over all aliases; their TTL, in seconds, is no longer than that of an alias on the way. */
  readonly records: readonly AnswerRecord[];
}

/** The bytes are no valid message, or no answer to the question. */
export class DnsMessageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DnsMessageError';
  }
}

const TYPES: Readonly<Record<RecordType, number>> = { A: 1, AAAA: 28, SRV: 33 };
const CNAME = 5;
const OPT = 41;
const INTERNET = 1;
const HEADER_BYTES = 12;
/** What fits into a packet on nearly all paths (DNS Flag Day 2020). */
const UDP_BYTES = 1232;
const MAX_NAME_BYTES = 255;
const MAX_LABEL_BYTES = 63;
/** The two highest bits of a length: the rest is no length but a place. */
const POINTER = 0xc0;
/** Aliases of aliases beyond this are a loop. */
const MAX_ALIASES = 16;

const RESPONSE = 0x8000;
const TRUNCATED = 0x0200;
const RECURSION_DESIRED = 0x0100;

/** A query for the records of `name`. Throws a `DnsMessageError` when it is no name. */
export function writeQuery(id: number, name: string, type: RecordType): Buffer {
  const question = Buffer.concat([writeName(name), numbers16(TYPES[type], INTERNET)]);
  const header = numbers16(id, RECURSION_DESIRED, 1, 0, 0, 1);
  // RFC 6891 6.1.2: the root as name, the type, the largest answer over UDP, no flags, no options.
  const extension = Buffer.concat([Buffer.of(0), numbers16(OPT, UDP_BYTES, 0, 0, 0)]);
  return Buffer.concat([header, question, extension]);
}

/** The answer to a query. Throws a `DnsMessageError` when the bytes are anything else. */
export function readAnswer(bytes: Buffer, id: number, name: string, type: RecordType): DnsAnswer {
  if (bytes.length < HEADER_BYTES) throw new DnsMessageError('the message is shorter than a header');
  const flags = bytes.readUInt16BE(2);
  if (bytes.readUInt16BE(0) !== id || (flags & RESPONSE) === 0)
    throw new DnsMessageError('the message does not answer this query');
  const reader = new Reader(bytes, HEADER_BYTES);
  readQuestion(reader, bytes.readUInt16BE(4), name, type);
  const code = flags & 0x000f;
  const truncated = (flags & TRUNCATED) !== 0;
  if (truncated) return { code, truncated, records: [] };
  const found: Found[] = [];
  for (let left = bytes.readUInt16BE(6); left > 0; left--) {
    const record = readRecord(reader);
    if (record) found.push(record);
  }
  return { code, truncated, records: followAliases(found, name, type) };
}

interface Found {
  /** In lower case. */
  readonly owner: string;
  readonly record: AnswerRecord | { readonly type: 'CNAME'; readonly ttl: number; readonly target: string };
}

/** RFC 5452 4.2: a response that does not repeat the question is none to it. */
function readQuestion(reader: Reader, count: number, name: string, type: RecordType): void {
  // A server that cannot read queries answers without a question; the code says the rest.
  if (count === 0) return;
  const asked = reader.name().toLowerCase();
  const same = asked === withoutDot(name).toLowerCase() && reader.number16() === TYPES[type];
  if (count !== 1 || !same || reader.number16() !== INTERNET)
    throw new DnsMessageError('the message answers another question');
}

/** The next record; `undefined` when it is of a type that is not asked for. */
function readRecord(reader: Reader): Found | undefined {
  const owner = reader.name().toLowerCase();
  const type = reader.number16();
  const isInternet = reader.number16() === INTERNET;
  // RFC 2181 8: a TTL with the highest bit set is zero.
  const ttl = Math.max(0, reader.number32() | 0);
  const length = reader.number16();
  const content = reader.part(length);
  if (!isInternet) return undefined;
  if (type === CNAME) return { owner, record: { type: 'CNAME', ttl, target: content.name() } };
  if (type === TYPES.A) return { owner, record: { type: 'A', ttl, address: formatIpAddress(content.bytes(4)) } };
  if (type === TYPES.AAAA) return { owner, record: { type: 'AAAA', ttl, address: formatIpAddress(content.bytes(16)) } };
  if (type !== TYPES.SRV) return undefined;
  const [priority, weight, port] = [content.number16(), content.number16(), content.number16()];
  return { owner, record: { type: 'SRV', ttl, priority, weight, port, target: content.name() } };
}

function followAliases(found: readonly Found[], name: string, type: RecordType): readonly AnswerRecord[] {
  let owner = withoutDot(name).toLowerCase();
  let aliasTtl = Number.POSITIVE_INFINITY;
  for (let step = 0; step < MAX_ALIASES; step++) {
    const own = found.filter((one) => one.owner === owner).map(({ record }) => record);
    const wanted = own.filter((record): record is AnswerRecord => record.type === type);
    if (wanted.length > 0) return wanted.map((record) => ({ ...record, ttl: Math.min(record.ttl, aliasTtl) }));
    const alias = own.find((record) => record.type === 'CNAME');
    if (!alias) return [];
    owner = alias.target.toLowerCase();
    aliasTtl = Math.min(aliasTtl, alias.ttl);
  }
  return [];
}

/** Reads on from a place; a step over the end is a `DnsMessageError`. */
class Reader {
  readonly #message: Buffer;
  readonly #end: number;
  #at: number;

  constructor(message: Buffer, at: number, end = message.length) {
    this.#message = message;
    this.#at = at;
    this.#end = end;
  }

  number8(): number {
    return this.#message.readUInt8(this.#skip(1));
  }

  number16(): number {
    return this.#message.readUInt16BE(this.#skip(2));
  }

  number32(): number {
    return this.#message.readUInt32BE(this.#skip(4));
  }

  bytes(length: number): Buffer {
    const start = this.#skip(length);
    return this.#message.subarray(start, start + length);
  }

  /** A reader of the next bytes alone; names in them may point to before. */
  part(length: number): Reader {
    const start = this.#skip(length);
    return new Reader(this.#message, start, start + length);
  }

  /** RFC 1035 4.1.4, without the dot at the end; '' for the root. */
  name(): string {
    const labels: string[] = [];
    let size = 1;
    /** Reads labels here, or where a pointer leads. */
    let reader: Reader = this;
    let start = this.#at;
    for (;;) {
      const length = reader.number8();
      if (length === 0) return labels.join('.');
      if (length >= POINTER) {
        const target = ((length & ~POINTER) << 8) | reader.number8();
        // "a pointer to a prior occurance of the same name": as each one points further back, there is no loop.
        if (target >= start) throw new DnsMessageError('a name points to what comes after it');
        start = target;
        reader = new Reader(this.#message, target);
      } else if (length > MAX_LABEL_BYTES) {
        throw new DnsMessageError('a name has a label of an unknown kind');
      } else {
        size += length + 1;
        if (size > MAX_NAME_BYTES) throw new DnsMessageError('a name is longer than 255 bytes');
        labels.push(reader.bytes(length).toString('latin1'));
      }
    }
  }

  #skip(length: number): number {
    const start = this.#at;
    if (start + length > this.#end) throw new DnsMessageError('the message ends too early');
    this.#at = start + length;
    return start;
  }
}

function writeName(name: string): Buffer {
  const labels = withoutDot(name)
    .split('.')
    .map((label) => Buffer.from(label, 'utf8'));
  if (labels.some(({ length }) => length === 0 || length > MAX_LABEL_BYTES))
    throw new DnsMessageError(`"${name}" is no name: a label has 1 to 63 bytes`);
  const bytes = Buffer.concat([...labels.flatMap((label) => [Buffer.of(label.length), label]), Buffer.of(0)]);
  if (bytes.length > MAX_NAME_BYTES) throw new DnsMessageError(`"${name}" is longer than 255 bytes`);
  return bytes;
}

function withoutDot(name: string): string {
  return name.endsWith('.') ? name.slice(0, -1) : name;
}

function numbers16(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2);
  for (const [i, value] of values.entries()) bytes.writeUInt16BE(value, i * 2);
  return bytes;
}
