// Writes the primitive types of HPACK (RFC 7541 5) into memory that grows. Not for choosing a representation: see encoder.ts.
import { huffmanLength, writeHuffman } from './huffman.ts';
import { writeLatin1 } from './latin1.ts';

const FIRST_SIZE = 4096;
/** Most memory that is kept from one block to the next. */
const MAX_KEPT = 65536;
/** Octets that an integer takes at most: one, and five for 32 bits. */
const MAX_INTEGER_OCTETS = 6;
/** Below this many characters a loop is faster than a call out of JavaScript (measured: 17 ns to 22 ns for eight). */
const SHORT = 12;

export class BlockWriter {
  #memory = Buffer.allocUnsafeSlow(FIRST_SIZE);
  #end = 0;

  /** Starts anew; the octets of the last block are no longer valid. */
  begin(): void {
    this.#end = 0;
    if (this.#memory.length > MAX_KEPT) this.#memory = Buffer.allocUnsafeSlow(FIRST_SIZE);
  }

  /** What was written since `begin`, valid until the next one. */
  written(): Buffer {
    return this.#memory.subarray(0, this.#end);
  }

  /** Writes an integer into the bits of `mask` and the octets behind (RFC 7541 5.1); `pattern` is what is above the mask. */
  integer(pattern: number, mask: number, value: number): void {
    if (this.#end + MAX_INTEGER_OCTETS > this.#memory.length) this.#grow(MAX_INTEGER_OCTETS);
    const memory = this.#memory;
    if (value < mask) {
      memory[this.#end++] = pattern | value;
      return;
    }
    memory[this.#end++] = pattern | mask;
    let rest = value - mask;
    while (rest >= 0x80) {
      memory[this.#end++] = 0x80 | (rest & 0x7f);
      rest >>>= 7;
    }
    memory[this.#end++] = rest;
  }

  /** Writes a string (RFC 7541 5.2): as it stands, or, if it is to be compressed and that makes it shorter, by the Huffman code. */
  string(text: string, compressed: boolean): void {
    const length = compressed ? huffmanLength(text) : text.length;
    if (length < text.length) this.#huffman(text, length);
    else this.#plain(text);
  }

  #plain(text: string): void {
    const { length } = text;
    this.integer(0, 0x7f, length);
    if (this.#end + length > this.#memory.length) this.#grow(length);
    if (length > SHORT) {
      writeLatin1(text, this.#memory, this.#end);
    } else {
      for (let i = 0; i < length; i++) this.#memory[this.#end + i] = text.charCodeAt(i);
    }
    this.#end += length;
  }

  #huffman(text: string, length: number): void {
    this.integer(0x80, 0x7f, length);
    if (this.#end + length > this.#memory.length) this.#grow(length);
    this.#end = writeHuffman(text, this.#memory, this.#end);
  }

  #grow(octets: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#memory.length * 2, this.#end + octets));
    grown.set(this.#memory.subarray(0, this.#end));
    this.#memory = grown;
  }
}
