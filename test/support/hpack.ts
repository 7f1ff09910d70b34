// HPACK for tests (RFC 7541): writes any representation, also such as nobody should send, and reads what comes back. Written apart
// from the program's own, so that neither hides the other's mistakes.

/** A field: its name and its value, one character a byte. */
export type FieldPair = readonly [name: string, value: string];

/** Appendix A, from index 1 on: names with their values where they have some. */
const STATIC_TABLE: readonly FieldPair[] =
  `:authority|:method GET|:method POST|:path /|:path /index.html|:scheme http|:scheme https|:status 200|:status 204|:status 206|
:status 304|:status 400|:status 404|:status 500|accept-charset|accept-encoding gzip, deflate|accept-language|accept-ranges|accept|
access-control-allow-origin|age|allow|authorization|cache-control|content-disposition|content-encoding|content-language|
content-length|content-location|content-range|content-type|cookie|date|etag|expect|expires|from|host|if-match|if-modified-since|
if-none-match|if-range|if-unmodified-since|last-modified|link|location|max-forwards|proxy-authenticate|proxy-authorization|range|
referer|refresh|retry-after|server|set-cookie|strict-transport-security|transfer-encoding|user-agent|vary|via|www-authenticate`
    .replaceAll('\n', '')
    .split('|')
    .map((entry) => [entry.split(' ', 1)[0] ?? '', entry.includes(' ') ? entry.slice(entry.indexOf(' ') + 1) : '']);

/**
 * Appendix B: bits of the code of each symbol, 0 to 255 and the end of the string, as digits of base 36. The codes follow from them:
 * they count up from the shortest to the longest, and from the least symbol to the greatest within a length.
 */
const CODE_LENGTHS =
  'dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6ca' +
  'd67777777777777777777777878djde6f56565666577666567655677777fbeds' +
  'kmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmlnmnnkmmmnmmn' +
  'qqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrq' +
  'u';

const DEFAULT_TABLE_BYTES = 4096;
/** What an entry of the dynamic table counts on top of its bytes (section 4.1). */
const ENTRY_OVERHEAD = 32;
const END_OF_STRING = 256;

/** An integer (section 5.1) whose first byte has `prefixBits` bits for it and the bits of `mark` above them. */
export function hpackInteger(value: number, prefixBits: number, mark = 0): Buffer {
  const limit = 2 ** prefixBits - 1;
  if (value < limit) return Buffer.from([mark | value]);
  const bytes = [mark | limit];
  let rest = value - limit;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}

/** A string (section 5.2) without Huffman coding. */
export function hpackString(text: string): Buffer {
  return Buffer.concat([hpackInteger(text.length, 7), Buffer.from(text, 'latin1')]);
}

/** A field of one of the tables by its index (section 6.1). */
export function hpackIndexed(index: number): Buffer {
  return hpackInteger(index, 7, 0x80);
}

/** A field that is written out (section 6.2): kept in the dynamic table, not kept, or never to be kept by anybody. */
export function hpackLiteral([name, value]: FieldPair, indexing: 'kept' | 'plain' | 'never' = 'plain'): Buffer {
  const mark = { kept: 0x40, plain: 0, never: 0x10 }[indexing];
  return Buffer.concat([Buffer.from([mark]), hpackString(name), hpackString(value)]);
}

/** A change of the size of the dynamic table (section 6.3). */
export function hpackTableSize(bytes: number): Buffer {
  return hpackInteger(bytes, 5, 0x20);
}

/** A block of fields that are all written out, and touch no table. */
export function hpackBlock(fields: readonly FieldPair[]): Buffer {
  return Buffer.concat(fields.map((field) => hpackLiteral(field)));
}

/** Reads the blocks of one connection in their order. */
export class HpackReader {
  readonly #dynamic: FieldPair[] = [];
  #capacity = DEFAULT_TABLE_BYTES;
  #block: Buffer = Buffer.alloc(0);
  #at = 0;

  /** The fields of a block. Throws where it is not HPACK. */
  read(block: Buffer): readonly FieldPair[] {
    this.#block = block;
    this.#at = 0;
    const fields: FieldPair[] = [];
    while (this.#at < block.length) {
      const first = this.#peek();
      if (first >= 0x80) fields.push(this.#entry(this.#integer(7)));
      else if (first >= 0x40) fields.push(this.#keep(this.#literal(6)));
      else if (first >= 0x20) this.#resize(this.#integer(5));
      else fields.push(this.#literal(4));
    }
    return fields;
  }

  #literal(prefixBits: number): FieldPair {
    const index = this.#integer(prefixBits);
    const name = index === 0 ? this.#string() : this.#entry(index)[0];
    return [name, this.#string()];
  }

  #keep(field: FieldPair): FieldPair {
    this.#dynamic.unshift(field);
    this.#evict();
    return field;
  }

  #resize(bytes: number): void {
    this.#capacity = bytes;
    this.#evict();
  }

  #evict(): void {
    const size = ([name, value]: FieldPair) => name.length + value.length + ENTRY_OVERHEAD;
    let total = this.#dynamic.reduce((sum, field) => sum + size(field), 0);
    while (total > this.#capacity) total -= size(this.#dynamic.pop() ?? ['', '']);
  }

  #entry(index: number): FieldPair {
    const found = STATIC_TABLE[index - 1] ?? this.#dynamic[index - 1 - STATIC_TABLE.length];
    if (!found) throw new Error(`HPACK: no entry ${index}`);
    return found;
  }

  #integer(prefixBits: number): number {
    const limit = 2 ** prefixBits - 1;
    let value = this.#byte() & limit;
    if (value < limit) return value;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#byte();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  }

  #string(): string {
    const isCoded = this.#peek() >= 0x80;
    const length = this.#integer(7);
    const bytes = this.#block.subarray(this.#at, this.#at + length);
    if (bytes.length < length) throw new Error('HPACK: the block ends within a string');
    this.#at += length;
    return isCoded ? decodeHuffman(bytes) : bytes.toString('latin1');
  }

  #peek(): number {
    const byte = this.#block[this.#at];
    if (byte === undefined) throw new Error('HPACK: the block ends too early');
    return byte;
  }

  #byte(): number {
    const byte = this.#peek();
    this.#at++;
    return byte;
  }
}

/** Symbols by their code, written with the bits as digits. */
const SYMBOLS: ReadonlyMap<string, number> = assignCodes();

function assignCodes(): ReadonlyMap<string, number> {
  const symbols = new Map<string, number>();
  const lengths = Array.from(CODE_LENGTHS, (digit) => Number.parseInt(digit, 36));
  let code = 0;
  for (let bits = 1; bits <= Math.max(...lengths); bits++) {
    code *= 2;
    lengths.forEach((length, symbol) => {
      if (length === bits) symbols.set((code++).toString(2).padStart(bits, '0'), symbol);
    });
  }
  return symbols;
}

function decodeHuffman(bytes: Buffer): string {
  let text = '';
  let code = '';
  for (const byte of bytes) {
    for (const bit of byte.toString(2).padStart(8, '0')) {
      code += bit;
      const symbol = SYMBOLS.get(code);
      if (symbol === undefined) continue;
      if (symbol === END_OF_STRING) throw new Error('HPACK: a string holds the end of strings');
      text += String.fromCharCode(symbol);
      code = '';
    }
  }
  // "A padding strictly longer than 7 bits MUST be treated as a decoding error. A padding not corresponding to the most significant
  // bits of the code for the EOS symbol MUST be treated as a decoding error."
  if (code.length > 7 || code.includes('0')) throw new Error('HPACK: wrong padding of a string');
  return text;
}
