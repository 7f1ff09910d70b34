// Takes the chunked transfer coding off content (RFC 9112 7.1), strictly, and in bounds for sizes, extensions and trailers.
//
// Hot path: decoded data is moved together within the received buffer, so that a read with many small chunks leaves as one
// piece and nothing is allocated.
import { parseFieldSection } from './field-section.ts';
import { messageHead } from './message-head.ts';
import { Violation } from './violation.ts';

/** Longest chunk-size line with its extensions, in bytes. */
const MAX_SIZE_LINE = 1024;
/** Most bytes of extensions in one message: none is of use to us, many are an attack (CVE-2023-39326). */
const MAX_EXTENSION_BYTES = 16384;
/** Most hexadecimal digits of a size; 13 digits are 2^52. */
const MAX_SIZE_DIGITS = 13;

const SIZE_LINE =
  /^([0-9A-Fa-f]{1,13})((?:[ \t]*;[ \t]*[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:[ \t]*=[ \t]*(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+|"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*"))?)*)$/;

const NO_DATA = Buffer.alloc(0);

export class ChunkedDecoder {
  /** Decoded bytes of the last `decode`: a part of the buffer given to it. */
  data: Buffer = NO_DATA;
  /** How many bytes of the buffer given to the last `decode` belong to this message. */
  consumed = 0;
  /** Whether the last chunk and the trailers have been read. */
  done = false;
  /** Trailer lines as `Fields` takes them, without those that would frame a message; '' when there are none. */
  trailers = '';

  readonly #maxTrailerBytes: number;
  readonly #maxTrailers: number;
  #state: 'size' | 'data' | 'data-end' | 'trailers' = 'size';
  /** Bytes of the current chunk still to come. */
  #remaining = 0;
  /** Bytes of an unfinished line of the last buffer. */
  #line = '';
  #extensionBytes = 0;
  #trailerBlock = '';

  constructor(maxTrailerBytes: number, maxTrailers: number) {
    this.#maxTrailerBytes = maxTrailerBytes;
    this.#maxTrailers = maxTrailers;
  }

  /** Decodes `buffer`, overwriting it; see `data`, `consumed` and `done`. Throws a `Violation`. */
  decode(buffer: Buffer): void {
    let at = 0;
    let written = 0;
    while (at < buffer.length && !this.done) {
      if (this.#state === 'data') {
        const size = Math.min(this.#remaining, buffer.length - at);
        if (written !== at) buffer.copyWithin(written, at, at + size);
        written += size;
        at += size;
        this.#remaining -= size;
        if (this.#remaining === 0) this.#state = 'data-end';
      } else {
        at = this.#readLine(buffer, at);
      }
    }
    this.data = buffer.subarray(0, written);
    this.consumed = at;
  }

  /** Reads one line, or what there is of it; returns where to go on. */
  #readLine(buffer: Buffer, start: number): number {
    const limit = this.#state === 'trailers' ? this.#maxTrailerBytes : MAX_SIZE_LINE;
    const lineFeed = buffer.indexOf(10, start);
    const end = lineFeed < 0 ? buffer.length : lineFeed + 1;
    if (this.#line.length + end - start > limit) throw new Violation('malformed', 'a chunk line is too long');
    this.#line += buffer.toString('latin1', start, end);
    if (lineFeed < 0) {
      this.#checkUnfinished();
      return end;
    }
    // RFC 9112 2.2 lets a recipient take a bare LF for a line end; two parsers may then differ, so we do not.
    if (!this.#line.endsWith('\r\n')) throw new Violation('malformed', 'a chunk line ends without CR');
    const line = this.#line.slice(0, -2);
    this.#line = '';
    this.#takeLine(line);
    return end;
  }

  /** Rejects at once what can no longer become a line, instead of waiting for more of it. */
  #checkUnfinished(): void {
    const bareReturn = this.#line.indexOf('\r');
    if (bareReturn >= 0 && bareReturn < this.#line.length - 1)
      throw new Violation('malformed', 'a bare CR in a chunk line');
    if (this.#state === 'data-end' && this.#line !== '\r')
      throw new Violation('malformed', 'a chunk is longer than its size');
    if (this.#state === 'size' && !/^[0-9A-Fa-f]/.test(this.#line))
      throw new Violation('malformed', 'a chunk has no size');
  }

  #takeLine(line: string): void {
    if (this.#state === 'data-end') {
      if (line !== '') throw new Violation('malformed', 'a chunk is longer than its size');
      this.#state = 'size';
    } else if (this.#state === 'size') {
      this.#takeSize(line);
    } else if (line !== '') {
      if (line.includes('\r')) throw new Violation('malformed', 'a bare CR in a trailer');
      this.#trailerBlock += `${line}\r\n`;
      if (this.#trailerBlock.length > this.#maxTrailerBytes)
        throw new Violation('malformed', 'the trailers are too long');
    } else {
      this.#finish();
    }
  }

  #takeSize(line: string): void {
    const match = SIZE_LINE.exec(line);
    if (!match)
      throw new Violation('malformed', `a chunk size line is not at most ${MAX_SIZE_DIGITS} digits and extensions`);
    this.#extensionBytes += (match[2] as string).length;
    if (this.#extensionBytes > MAX_EXTENSION_BYTES) throw new Violation('malformed', 'too many chunk extensions');
    this.#remaining = Number.parseInt(match[1] as string, 16);
    this.#state = this.#remaining === 0 ? 'trailers' : 'data';
  }

  #finish(): void {
    if (this.#trailerBlock !== '') {
      const block = messageHead(this.#trailerBlock);
      this.trailers = parseFieldSection(block, 0, block.end, this.#maxTrailers).text;
    }
    this.done = true;
  }
}
