// Collects the bytes of a message head until its empty line, over as many reads as it takes.
//
// Hot path: a head that comes in one read, as nearly all do, is decoded once as Latin-1 and searched natively.
import type { MessageHead } from './message-head.ts';
import { Violation } from './violation.ts';

/** Most heads fit; decoding more at once would only copy content. */
const FIRST_LOOK_BYTES = 2048;

// What can never become a valid head: control characters, a bare CR or a bare LF.
// biome-ignore lint/suspicious/noControlCharactersInRegex: the control characters are what is looked for
const HOPELESS = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r[^\n]|[^\r]\n|^\n/;

const NO_BYTES = new Uint8Array(0);

/** What is read so far; a whole `MessageHead` from when `read` has found its end until the buffer is read into again. */
export class HeadReader implements MessageHead {
  /** All bytes read so far for the head, and perhaps some behind it. */
  text = '';
  bytes: Uint8Array = NO_BYTES;
  offset = 0;
  start = 0;
  end = 0;
  readonly #maxBytes: number;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether part of a head has been read. */
  get started(): boolean {
    return this.text.length > 0;
  }

  /**
   * Reads from `buffer` (`from` to `to`). Returns where in it the content begins, or -1 when the head is not complete.
   * Throws a `Violation` when it is too large or can never be complete.
   */
  read(buffer: Buffer, from: number, to: number): number {
    const had = this.text.length;
    let decodedTo = Math.min(to, from + FIRST_LOOK_BYTES);
    this.text += buffer.toString('latin1', from, decodedTo);
    let end = this.#find(had);
    if (end < 0 && decodedTo < to) {
      const next = Math.min(to, from + this.#maxBytes + 4);
      this.text += buffer.toString('latin1', decodedTo, next);
      decodedTo = next;
      end = this.#find(had);
    }
    if (end - this.start > this.#maxBytes || (end < 0 && this.text.length - this.start > this.#maxBytes))
      this.#tooLarge();
    if (end < 0) {
      if (HOPELESS.test(this.text))
        throw new Violation('malformed', 'the head holds a control character, a bare CR or a bare LF');
      return -1;
    }
    this.end = end;
    // A head that came in pieces is nowhere as a whole but in the text.
    this.bytes = had === 0 ? buffer : Buffer.from(this.text, 'latin1');
    this.offset = had === 0 ? from : 0;
    return from + end - had;
  }

  /** Makes ready for the next head. */
  reset(): void {
    this.text = '';
    this.bytes = NO_BYTES;
    this.start = 0;
    this.end = 0;
  }

  #find(had: number): number {
    // RFC 9112 2.2: a server "SHOULD ignore at least one empty line (CRLF) received prior to the request-line".
    if (this.start === 0 && this.text.startsWith('\r\n')) this.start = 2;
    const at = this.text.indexOf('\r\n\r\n', Math.max(this.start, had - 3));
    return at < 0 ? -1 : at + 4;
  }

  #tooLarge(): never {
    const lineEnd = this.text.indexOf('\r\n', this.start);
    if (lineEnd < 0) throw new Violation('target-too-long', 'the first line does not end');
    throw new Violation('head-too-large', `the head is larger than ${this.#maxBytes} bytes`);
  }
}
