// Encodes header blocks (RFC 7541): fields to bytes, in step with the peer's decoder. It chooses what is worth a place in
// the table, and what must not get there; whether fields make a valid message is not looked at here.
//
// Hot path: a line that was sent before is found by one look-up of the line as it came, and is one octet. Values go by the
// Huffman code only when they are indexed, so once; other literals go as they are, as it costs 7 ns a character (30
// characters: 217 ns, a plain copy 52 ns) and saves a quarter of their length.
import { BlockWriter } from './block-writer.ts';
import { DynamicTable } from './dynamic-table.ts';
import { ENTRY_OVERHEAD } from './field.ts';
import { readLatin1 } from './latin1.ts';
import { NameUse } from './name-use.ts';
import { STATIC_LENGTH } from './static-table.ts';

/** RFC 9113 6.5.2: SETTINGS_HEADER_TABLE_SIZE is 4,096 octets until the peer says otherwise. */
const INITIAL_TABLE_BYTES = 4096;
/** How many names of one connection are remembered; fields of others are not indexed. */
const MAX_NAMES = 128;
/** Longest name that is remembered. */
const MAX_NAME_LENGTH = 64;

/** Representations: the pattern of the first octet, and the mask of its bits for the index (RFC 7541 6). */
const INDEXED = { pattern: 0x80, mask: 0x7f } as const;
const LITERAL_INDEXING = { pattern: 0x40, mask: 0x3f } as const;
const SIZE_UPDATE = { pattern: 0x20, mask: 0x1f } as const;
const LITERAL_NEVER_INDEXED = { pattern: 0x10, mask: 0x0f } as const;
const LITERAL = { pattern: 0x00, mask: 0x0f } as const;

/** An entry of the dynamic table. */
interface Line {
  readonly size: number;
  readonly name: NameUse;
  /** `name: value`, the name in lower case. */
  readonly text: string;
  /** The line as it comes from elsewhere, if it differs: the name in upper case, or more white space. */
  received: string | undefined;
  /** How many entries had been added with this one. */
  readonly number: number;
}

/** Blocks are made one after the other, so that one memory serves all encoders. */
const writer = new BlockWriter();

export class HpackEncoder {
  readonly #maxTableBytes: number;
  readonly #table: DynamicTable<Line>;
  readonly #names = new Map<string, NameUse>();
  /** The entries by `text` and by `received`. */
  readonly #lines = new Map<string, Line>();
  /** The smallest size of the table since the last block; Infinity when it did not change. */
  #smallest = Number.POSITIVE_INFINITY;

  /** `maxTableBytes` is a bound of our own: a peer that allows more gets no more. */
  constructor(options: { readonly maxTableBytes?: number } = {}) {
    this.#maxTableBytes = options.maxTableBytes ?? INITIAL_TABLE_BYTES;
    this.#table = new DynamicTable(INITIAL_TABLE_BYTES, (line) => this.#forget(line));
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
    else this.#fieldOf(use, value, undefined);
  }

  /** Adds a field that its sender forbade to index, in the same form, as RFC 7541 6.2.3 demands. */
  neverIndexed(name: string, value: string): void {
    this.#literal(LITERAL_NEVER_INDEXED, this.#useOf(name), value);
  }

  /** Adds field lines as `Fields` holds them, `name: value CRLF`; their names are lower-cased. */
  lines(text: string): void {
    for (let at = 0; at < text.length; ) {
      const lineEnd = text.indexOf('\r\n', at);
      const end = lineEnd < 0 ? text.length : lineEnd;
      const received = text.slice(at, end);
      const line = this.#lines.get(received);
      if (line !== undefined) this.#indexed(line);
      else this.#otherLine(received);
      at = end + 2;
    }
  }

  #otherLine(received: string): void {
    const colon = received.indexOf(':');
    // RFC 9113 8.2.1: "A field value MUST NOT start or end with an ASCII whitespace character".
    this.#fieldOf(this.#useOf(received.slice(0, colon).toLowerCase()), trimmed(received, colon + 1), received);
  }

  /** Adds a field that the static table does not have. */
  #fieldOf(use: NameUse, value: string, received: string | undefined): void {
    if (use.isSecret(value)) {
      this.#literal(LITERAL_NEVER_INDEXED, use, value);
      return;
    }
    const line = use.entries > 0 ? this.#lines.get(`${use.name}: ${value}`) : undefined;
    if (line !== undefined) {
      if (received !== undefined && line.received === undefined) this.#alsoKnownAs(line, received);
      this.#indexed(line);
    } else if (this.#fits(use, value) && use.isWorthIndexing(value)) {
      this.#literal(LITERAL_INDEXING, use, value);
      this.#remember(use, value, received);
    } else {
      this.#literal(LITERAL, use, value);
    }
  }

  #indexed(line: Line): void {
    line.name.used();
    writer.integer(INDEXED.pattern, INDEXED.mask, this.#indexOf(line.number));
  }

  #literal(
    form: typeof LITERAL | typeof LITERAL_INDEXING | typeof LITERAL_NEVER_INDEXED,
    use: NameUse,
    value: string,
  ): void {
    const once = form === LITERAL_INDEXING;
    const index = use.staticIndex > 0 || use.entries === 0 ? use.staticIndex : this.#indexOf(use.newest);
    writer.integer(form.pattern, form.mask, index);
    if (index === 0 && once) writer.compressed(use.name);
    else if (index === 0) writer.plain(use.name);
    if (once) writer.compressed(value);
    else writer.plain(value);
  }

  #indexOf(number: number): number {
    return STATIC_LENGTH + 1 + this.#table.added - number;
  }

  /** Whether the table has room for the field and something beside it. */
  #fits(use: NameUse, value: string): boolean {
    return (use.name.length + value.length + ENTRY_OVERHEAD) * 4 <= this.#table.maxBytes * 3;
  }

  #remember(use: NameUse, value: string, received: string | undefined): void {
    const text = ownText(`${use.name}: ${value}`);
    const size = use.name.length + value.length + ENTRY_OVERHEAD;
    const line: Line = { size, name: use, text, received: undefined, number: this.#table.added + 1 };
    this.#table.add(line);
    this.#lines.set(text, line);
    use.entries++;
    use.newest = line.number;
    if (received !== undefined) this.#alsoKnownAs(line, received);
  }

  #alsoKnownAs(line: Line, received: string): void {
    if (received === line.text) return;
    line.received = ownText(received);
    this.#lines.set(line.received, line);
  }

  #forget(line: Line): void {
    this.#lines.delete(line.text);
    if (line.received !== undefined) this.#lines.delete(line.received);
    line.name.entries--;
  }

  #useOf(name: string): NameUse {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    const use = new NameUse(ownText(name));
    if (this.#names.size < MAX_NAMES && name.length <= MAX_NAME_LENGTH) this.#names.set(use.name, use);
    else use.neverIndex();
    return use;
  }
}

/** The value that begins at `from`, without white space around it. */
function trimmed(line: string, from: number): string {
  let start = from;
  let end = line.length;
  while (start < end && isBlank(line.charCodeAt(start))) start++;
  while (end > start && isBlank(line.charCodeAt(end - 1))) end--;
  return line.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** The same text in memory of its own: a slice of a field section would keep all of that section. */
function ownText(text: string): string {
  const bytes = Buffer.from(text, 'latin1');
  return readLatin1(bytes, 0, bytes.length);
}
