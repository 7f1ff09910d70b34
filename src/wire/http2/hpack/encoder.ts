// Encodes header blocks (RFC 7541): fields to bytes, in step with the peer's decoder. It chooses what is worth a place in
// the table, and what must not get there; whether fields make a valid message is not looked at here.
//
// Hot path: most sections of fields are like the one before. So each line is first compared with the one that is expected in
// its place, which takes 25 ns; a look-up in a Map takes 85 ns, as it hashes the line. Values go by the Huffman code only
// when they are indexed, so once: it costs 7 ns a character (30 characters: 217 ns, a plain copy 52 ns) to save a quarter.
import { BlockWriter } from './block-writer.ts';
import { DynamicTable } from './dynamic-table.ts';
import { ENTRY_OVERHEAD } from './field.ts';
import { readLatin1 } from './latin1.ts';
import { type IndexedLine, NameUse } from './name-use.ts';
import { STATIC_LENGTH } from './static-table.ts';

/** RFC 9113 6.5.2: SETTINGS_HEADER_TABLE_SIZE is 4,096 octets until the peer says otherwise. */
const INITIAL_TABLE_BYTES = 4096;
/** How many names of one connection are remembered; fields of others are not indexed. */
const MAX_NAMES = 128;
/** Longest name that is remembered. */
const MAX_NAME_LENGTH = 64;

const NO_NAMES: ReadonlySet<string> = new Set();

/** Representations: the pattern of the first octet, and the mask of its bits for the index (RFC 7541 6). */
const INDEXED = { pattern: 0x80, mask: 0x7f } as const;
const SIZE_UPDATE = { pattern: 0x20, mask: 0x1f } as const;
/** Those that spell the value out, and whether by the Huffman code. */
const LITERAL_INDEXING = { pattern: 0x40, mask: 0x3f, compressed: true } as const;
const LITERAL_NEVER_INDEXED = { pattern: 0x10, mask: 0x0f, compressed: false } as const;
const LITERAL = { pattern: 0x00, mask: 0x0f, compressed: false } as const;
type LiteralForm = typeof LITERAL_INDEXING | typeof LITERAL_NEVER_INDEXED | typeof LITERAL;

/** Blocks are made one after the other, so that one memory serves all encoders. */
const writer = new BlockWriter();

export class HpackEncoder {
  readonly #maxTableBytes: number;
  readonly #table: DynamicTable<IndexedLine>;
  /** Names in lower case, and as they were spelt. */
  readonly #names = new Map<string, NameUse>();
  /** The name that the last field section began with. */
  #first: NameUse | undefined = undefined;
  /** The smallest size of the table since the last block; Infinity when it did not change. */
  #smallest = Number.POSITIVE_INFINITY;

  /** `maxTableBytes` is a bound of our own: a peer that allows more gets no more. */
  constructor(options: { readonly maxTableBytes?: number } = {}) {
    this.#maxTableBytes = options.maxTableBytes ?? INITIAL_TABLE_BYTES;
    this.#table = new DynamicTable(INITIAL_TABLE_BYTES, (line) => line.use.dropOldest());
    if (this.#maxTableBytes < INITIAL_TABLE_BYTES) this.#resize(this.#maxTableBytes);
  }

  /** Takes the peer's SETTINGS_HEADER_TABLE_SIZE; the next block tells the peer what becomes of the table. */
  setPeerMaxTableBytes(bytes: number): void {
    this.#resize(Math.min(bytes, this.#maxTableBytes));
  }

  #resize(bytes: number): void {
    if (bytes === this.#table.maxBytes) return;
    this.#smallest = Math.min(this.#smallest, bytes);
    this.#table.resize(bytes);
  }

  /** Begins a block; what `end` of any encoder returned before is no longer valid. */
  begin(): void {
    writer.begin();
    if (this.#smallest === Number.POSITIVE_INFINITY) return;
    // RFC 7541 4.2: "the smallest maximum table size that occurs in that interval MUST be signaled in a dynamic table size
    // update. The final maximum size is always signaled".
    if (this.#smallest < this.#table.maxBytes) writer.integer(SIZE_UPDATE.pattern, SIZE_UPDATE.mask, this.#smallest);
    writer.integer(SIZE_UPDATE.pattern, SIZE_UPDATE.mask, this.#table.maxBytes);
    this.#smallest = Number.POSITIVE_INFINITY;
  }

  /** Ends the block; its bytes are valid until the next `begin` of any encoder. */
  end(): Buffer {
    return writer.written();
  }

  /** Adds a field; `name` is in lower case. Credentials are written so that nobody indexes them. */
  field(name: string, value: string): void {
    const use = this.#useOf(name);
    const index = use.staticValues?.get(value);
    if (index !== undefined) writer.integer(INDEXED.pattern, INDEXED.mask, index);
    else this.#fieldOf(use, value);
  }

  /** Adds a field that its sender forbade to index, in the same form, as RFC 7541 6.2.3 demands. */
  neverIndexed(name: string, value: string): void {
    this.#literal(LITERAL_NEVER_INDEXED, this.#useOf(name), value);
  }

  /**
   * Adds field lines as `Fields` holds them, each `name: value CRLF`; their names are lower-cased. `neverIndexed` has the names,
   * in lower case, of those that their sender forbade to index.
   */
  lines(text: string, neverIndexed: ReadonlySet<string> = NO_NAMES): void {
    let previous: NameUse | undefined;
    for (let at = 0; at < text.length; ) {
      const expected = previous === undefined ? this.#first : previous.next;
      const line = expected?.recent;
      const isExpected = line !== undefined && line.text !== '' && text.slice(at, at + line.text.length) === line.text;
      if (isExpected && !isForbidden(neverIndexed, line.use)) {
        this.#indexed(line);
        previous = expected;
        at += line.text.length;
      } else {
        const use = this.#nameAt(text, at, expected);
        if (use !== expected) this.#expect(use, previous);
        at = this.#line(use, text, at, neverIndexed);
        previous = use;
      }
    }
  }

  /** The name that the line at `at` begins with. */
  #nameAt(text: string, at: number, expected: NameUse | undefined): NameUse {
    if (expected !== undefined && text.slice(at, at + expected.prefix.length) === expected.prefix) return expected;
    const colon = text.indexOf(':', at);
    const spelt = text.slice(at, colon);
    const use = this.#names.get(spelt) ?? this.#spelling(spelt);
    const prefix = text.slice(at, colon + 1);
    if (use.prefix !== prefix) use.prefix = ownText(prefix);
    return use;
  }

  /** A name that was not spelt like this before. */
  #spelling(spelt: string): NameUse {
    const use = this.#useOf(spelt.toLowerCase());
    if (use.isKept && this.#names.size < MAX_NAMES) this.#names.set(ownText(spelt), use);
    return use;
  }

  /** Keeps in mind what came instead of what was expected. */
  #expect(use: NameUse, previous: NameUse | undefined): void {
    if (!use.isKept) return;
    if (previous === undefined) this.#first = use;
    else previous.next = use;
  }

  /** Adds the line at `at`, of which the name is known; returns where the next one begins. */
  #line(use: NameUse, text: string, at: number, neverIndexed: ReadonlySet<string>): number {
    const crlf = text.indexOf('\r\n', at);
    const end = crlf < 0 ? text.length : crlf;
    const value = trimmed(text, at + use.prefix.length, end);
    if (isForbidden(neverIndexed, use)) {
      this.#literal(LITERAL_NEVER_INDEXED, use, value);
    } else {
      const line = this.#fieldOf(use, value);
      if (line?.text === '' && crlf >= 0) line.text = ownText(text.slice(at, end + 2));
    }
    return end + 2;
  }

  /** Adds a field that the static table does not have; returns its entry in the dynamic table. */
  #fieldOf(use: NameUse, value: string): IndexedLine | undefined {
    const line = use.find(value);
    if (line !== undefined) {
      this.#indexed(line);
      return line;
    }
    const secret = use.isSecret(value);
    if (!secret && this.#fits(use, value) && use.isWorthIndexing(value)) {
      this.#literal(LITERAL_INDEXING, use, value);
      return this.#remember(use, value);
    }
    this.#literal(secret ? LITERAL_NEVER_INDEXED : LITERAL, use, value);
    return undefined;
  }

  #indexed(line: IndexedLine): void {
    line.use.used();
    writer.integer(INDEXED.pattern, INDEXED.mask, this.#indexOf(line));
  }

  #literal(form: LiteralForm, use: NameUse, value: string): void {
    const { newest } = use;
    const index = use.staticIndex > 0 || newest === undefined ? use.staticIndex : this.#indexOf(newest);
    writer.integer(form.pattern, form.mask, index);
    if (index === 0) writer.string(use.name, form.compressed);
    writer.string(value, form.compressed);
  }

  #indexOf(line: IndexedLine): number {
    return STATIC_LENGTH + 1 + this.#table.added - line.number;
  }

  /** Whether the table has room for the field and something beside it. */
  #fits(use: NameUse, value: string): boolean {
    return (use.name.length + value.length + ENTRY_OVERHEAD) * 4 <= this.#table.maxBytes * 3;
  }

  #remember(use: NameUse, value: string): IndexedLine {
    const size = use.name.length + value.length + ENTRY_OVERHEAD;
    const line = { size, use, value: ownText(value), text: '', number: this.#table.added + 1 };
    this.#table.add(line);
    use.add(line);
    return line;
  }

  #useOf(name: string): NameUse {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    const isKept = this.#names.size < MAX_NAMES && name.length <= MAX_NAME_LENGTH;
    const use = new NameUse(ownText(name), isKept);
    if (isKept) this.#names.set(use.name, use);
    return use;
  }
}

function isForbidden(neverIndexed: ReadonlySet<string>, use: NameUse): boolean {
  return neverIndexed.size > 0 && neverIndexed.has(use.name);
}

/** The value between `from` and `to`, without white space around it (RFC 9113 8.2.1). */
function trimmed(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** The same text in memory of its own: a slice of a field section would keep all of that section. */
function ownText(text: string): string {
  const bytes = Buffer.from(text, 'latin1');
  return readLatin1(bytes, 0, bytes.length);
}
