// Decodes header blocks (RFC 7541): bytes to fields, in step with the peer's encoder. Whether fields make a valid message
// is not looked at here.
//
// Hot path: a field that the peer has indexed costs one look-up and allocates nothing, whatever its length; that is also
// what keeps a block of many references to one large entry from costing memory.
import { DynamicTable } from './dynamic-table.ts';
import { type Classify, HeaderField } from './field.ts';
import { decodeHuffman } from './huffman.ts';
import { readLatin1 } from './latin1.ts';
import { STATIC_LENGTH, staticFields } from './static-table.ts';

/** Largest integer that is read: more than anything here can mean, and exact. */
const MAX_INTEGER = 2 ** 32;
/** RFC 9113 6.5.2: SETTINGS_HEADER_TABLE_SIZE is 4,096 octets until another value is acknowledged. */
const INITIAL_TABLE_BYTES = 4096;
/** RFC 7541 4.2: the smallest size in between, and the last. */
const MAX_SIZE_UPDATES = 2;

/**
 * A header block that cannot be decoded. The state that both sides share is lost, and the connection with it: RFC 9113 4.3:
 * "A decoding error in a field block MUST be treated as a connection error of type COMPRESSION_ERROR".
 */
export class HpackError extends Error {
  override readonly name = 'HpackError';
}

/**
 * A header block that decodes to more than anybody has a use for, such as one of many references to a large entry (CVE-2016-6581). The
 * rest of it has not been read, so that the state is lost here too.
 */
export class HpackBomb extends HpackError {}

export interface HpackDecoderOptions {
  /** The SETTINGS_HEADER_TABLE_SIZE that holds from the first block on. */
  readonly maxTableBytes: number;
  /** The size of a list from which on its block is given up as an `HpackBomb`; by default none is. */
  readonly maxDecodedBytes?: number;
  readonly classify?: Classify;
}

export class HpackDecoder {
  readonly #static: readonly (HeaderField | undefined)[];
  readonly #classify: Classify | undefined;
  readonly #table: DynamicTable<HeaderField>;
  readonly #maxDecodedBytes: number;
  /** Most that a size update may ask for: what we announced and the peer acknowledged. */
  #limit: number;
  /** The size that the next block has to go down to; Infinity when it need not begin with a size update. */
  #demanded = Number.POSITIVE_INFINITY;
  /** Where the next octet of the block is. */
  #at = 0;

  constructor(options: HpackDecoderOptions) {
    this.#static = staticFields(options.classify);
    this.#classify = options.classify;
    this.#limit = options.maxTableBytes;
    this.#maxDecodedBytes = options.maxDecodedBytes ?? Number.POSITIVE_INFINITY;
    this.#table = new DynamicTable(Math.min(options.maxTableBytes, INITIAL_TABLE_BYTES));
  }

  /** Takes the limit that the peer acknowledged; with a lower one, its next block has to begin with a size update. */
  setMaxTableBytes(bytes: number): void {
    this.#limit = bytes;
    if (bytes < this.#table.maxBytes) this.#demanded = Math.min(this.#demanded, bytes);
  }

  /**
   * Decodes one whole header block from `from` to `to`, and hands the fields to `take` in their order; `take` must not
   * throw. Once the sum of their sizes exceeds `maxListBytes`, the rest is decoded, as the table has to stay in step, but no
   * longer handed over, and the result is false. Throws an `HpackError`, which an `HpackBomb` is too; the decoder cannot be used after it.
   */
  decode(
    bytes: Uint8Array,
    from: number,
    to: number,
    take: (field: HeaderField) => void,
    maxListBytes: number,
  ): boolean {
    let listBytes = 0;
    this.#at = from;
    this.#readSizeUpdates(bytes, to);
    while (this.#at < to) {
      const first = bytes[this.#at] as number;
      const field = first >= 0x80 ? this.#readIndexed(bytes, to, first) : this.#readLiteral(bytes, to, first);
      listBytes += field.size;
      if (listBytes <= maxListBytes) take(field);
      else if (listBytes > this.#maxDecodedBytes)
        throw new HpackBomb(`a header block decodes to more than ${this.#maxDecodedBytes} octets`);
    }
    return listBytes <= maxListBytes;
  }

  /** RFC 7541 6.3: size updates, which stand before the first field. */
  #readSizeUpdates(bytes: Uint8Array, to: number): void {
    let updates = 0;
    while (this.#at < to && ((bytes[this.#at] as number) & 0xe0) === 0x20) {
      if (++updates > MAX_SIZE_UPDATES) throw new HpackError('more than two size updates');
      const size = this.#readInteger(bytes, to, 0x1f);
      // RFC 7541 6.3: "The new maximum size MUST be lower than or equal to the limit … A value that exceeds this limit MUST be
      // treated as a decoding error."
      if (size > this.#limit) throw new HpackError(`a size update to ${size} octets, where ${this.#limit} are allowed`);
      this.#table.resize(size);
      if (size <= this.#demanded) this.#demanded = Number.POSITIVE_INFINITY;
    }
    // RFC 7541 4.2: "This dynamic table size update MUST occur at the beginning of the first header block following the
    // change to the dynamic table size."
    if (this.#demanded !== Number.POSITIVE_INFINITY)
      throw new HpackError('the size update for a lower limit is missing');
  }

  /** RFC 7541 6.1: a field that is in a table. */
  #readIndexed(bytes: Uint8Array, to: number, first: number): HeaderField {
    if (first === 0xff) return this.#field(this.#readInteger(bytes, to, 0x7f));
    this.#at++;
    return this.#field(first & 0x7f);
  }

  /** RFC 7541 6.2: a field of which the value is spelt out, and perhaps the name. */
  #readLiteral(bytes: Uint8Array, to: number, first: number): HeaderField {
    const indexing = first >= 0x40;
    if (!indexing && first >= 0x20) throw new HpackError('a size update behind a field');
    const index = this.#readInteger(bytes, to, indexing ? 0x3f : 0x0f);
    const name = index === 0 ? this.#readString(bytes, to) : this.#field(index).name;
    const value = this.#readString(bytes, to);
    const kind = this.#classify === undefined ? 0 : this.#classify(name, value);
    const field = new HeaderField(name, value, kind, !indexing && first >= 0x10);
    if (indexing) this.#table.add(field);
    return field;
  }

  /** RFC 7541 2.3.3: the entry of an index. */
  #field(index: number): HeaderField {
    const field = index <= STATIC_LENGTH ? this.#static[index] : this.#table.at(index - STATIC_LENGTH - 1);
    // RFC 7541 2.3.3: "Indices strictly greater than the sum of the lengths of both tables MUST be treated as a decoding
    // error." And 6.1: "The index value of 0 is not used. It MUST be treated as a decoding error".
    if (field === undefined) throw new HpackError(`there is no entry of index ${index}`);
    return field;
  }

  /** RFC 7541 5.1: an integer of which the first octet holds the bits of `mask`. */
  #readInteger(bytes: Uint8Array, to: number, mask: number): number {
    let value = (bytes[this.#at++] as number) & mask;
    if (value < mask) return value;
    for (let factor = 1; factor <= 2 ** 28; factor *= 128) {
      if (this.#at >= to) throw new HpackError('an integer is cut off');
      const octet = bytes[this.#at++] as number;
      value += (octet & 0x7f) * factor;
      if (octet < 0x80) {
        if (value > MAX_INTEGER) break;
        return value;
      }
    }
    // RFC 7541 5.1: "Integer encodings that exceed implementation limits -- in value or octet length -- MUST be treated as
    // decoding errors."
    throw new HpackError('an integer is too large');
  }

  /** RFC 7541 5.2: a string, plain or Huffman-encoded. */
  #readString(bytes: Uint8Array, to: number): string {
    if (this.#at >= to) throw new HpackError('a field is cut off');
    const encoded = (bytes[this.#at] as number) >= 0x80;
    const length = this.#readInteger(bytes, to, 0x7f);
    const start = this.#at;
    if (length > to - start) throw new HpackError('a string is longer than its block');
    this.#at = start + length;
    if (!encoded) return readLatin1(bytes, start, this.#at);
    const text = decodeHuffman(bytes, start, this.#at);
    if (text === undefined) throw new HpackError('a string breaks the Huffman code: wrong padding, or EOS');
    return text;
  }
}
