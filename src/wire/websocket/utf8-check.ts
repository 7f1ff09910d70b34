// Checks text that comes in pieces for valid UTF-8 (RFC 3629), and says so at the first byte that cannot belong to any.
//
// Hot path: what lies between the cut characters at both ends of a piece is checked by the runtime's vectorised code.
import { isUtf8 } from 'node:buffer';

/** Shorter pieces are checked byte by byte: a call of the runtime costs more. */
const MIN_VECTORISED_BYTES = 64;

export class Utf8Check {
  /** Bytes that the character which is being read still needs. */
  #needed = 0;
  /** What the next of them may be. */
  #lowest = 0x80;
  #highest = 0xbf;

  /** Whether the text so far ends with a whole character. */
  get complete(): boolean {
    return this.#needed === 0;
  }

  /** Forgets the text so far. */
  reset(): void {
    this.#needed = 0;
    this.#lowest = 0x80;
    this.#highest = 0xbf;
  }

  /** Takes the next bytes; returns whether all so far can be the beginning of valid text. Not to be called again after false. */
  take(bytes: Uint8Array): boolean {
    let at = 0;
    while (this.#needed > 0 && at < bytes.length) if (!this.#takeByte(bytes[at++] as number)) return false;
    const cut = startOfLastCharacter(bytes, at);
    if (cut - at >= MIN_VECTORISED_BYTES) {
      if (!isUtf8(bytes.subarray(at, cut))) return false;
      at = cut;
    }
    while (at < bytes.length) if (!this.#takeByte(bytes[at++] as number)) return false;
    return true;
  }

  #takeByte(byte: number): boolean {
    if (this.#needed === 0) return byte < 0x80 || this.#begin(byte);
    if (byte < this.#lowest || byte > this.#highest) return false;
    this.#lowest = 0x80;
    this.#highest = 0xbf;
    this.#needed--;
    return true;
  }

  /** RFC 3629 4: which first bytes there are, and which second bytes avoid overlong forms, surrogates and what is above U+10FFFF. */
  #begin(byte: number): boolean {
    if (byte < 0xc2 || byte > 0xf4) return false;
    if (byte < 0xe0) this.#needed = 1;
    else if (byte < 0xf0) this.#needed = 2;
    else this.#needed = 3;
    if (byte === 0xe0) this.#lowest = 0xa0;
    else if (byte === 0xed) this.#highest = 0x9f;
    else if (byte === 0xf0) this.#lowest = 0x90;
    else if (byte === 0xf4) this.#highest = 0x8f;
    return true;
  }
}

/** Where the last character of `bytes` begins, which may be cut off; not before `from`. */
function startOfLastCharacter(bytes: Uint8Array, from: number): number {
  let at = bytes.length;
  for (let steps = 0; steps < 4 && at > from; steps++) {
    at--;
    if (((bytes[at] as number) & 0xc0) !== 0x80) return at;
  }
  return at;
}
