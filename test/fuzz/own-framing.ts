// How our wire code frames bytes, without sockets: heads and content in turn, from pieces of any length.
import { ChunkedDecoder } from '#wire/http1/chunked-decoder.ts';
import { HeadReader } from '#wire/http1/head-reader.ts';
import { parseRequestHead, type RequestHead } from '#wire/http1/request-head.ts';
import { Violation } from '#wire/http1/violation.ts';
import type { FramedRequest } from './llhttp.ts';

const LIMITS = { maxFields: 100, maxTargetBytes: 8192 };
const MAX_HEAD_BYTES = 16384;

export interface OwnFraming {
  readonly requests: readonly FramedRequest[];
  /** Why reading ended before the end of the bytes; `undefined` when nothing was wrong. */
  readonly violation: string | undefined;
}

/** The whole requests in the pieces, up to the first that is refused or incomplete. Throws only what the wire code must not throw. */
export function framedByUs(pieces: readonly string[]): OwnFraming {
  const framer = new Framer();
  try {
    for (const piece of pieces) framer.push(Buffer.from(piece, 'latin1'));
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    return { requests: framer.requests, violation: error.kind };
  }
  return { requests: framer.requests, violation: undefined };
}

class Framer {
  readonly requests: FramedRequest[] = [];
  readonly #reader = new HeadReader(MAX_HEAD_BYTES);
  #head: RequestHead | undefined;
  #decoder: ChunkedDecoder | undefined;
  #remaining = 0;
  #body = '';

  push(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) at = this.#head ? this.#readBody(bytes, at) : this.#readHead(bytes, at);
  }

  #readHead(bytes: Buffer, from: number): number {
    const next = this.#reader.read(bytes, from, bytes.length);
    if (next < 0) return bytes.length;
    const head = parseRequestHead(this.#reader, LIMITS);
    this.#reader.reset();
    this.#head = head;
    this.#body = '';
    this.#remaining = head.framing === 'length' ? head.section.contentLength : 0;
    this.#decoder = head.framing === 'chunked' ? new ChunkedDecoder(MAX_HEAD_BYTES, 100) : undefined;
    if (head.framing === 'none') this.#complete();
    return next;
  }

  #readBody(bytes: Buffer, from: number): number {
    const piece = bytes.subarray(from);
    if (this.#decoder) {
      this.#decoder.decode(piece);
      this.#body += this.#decoder.data.toString('latin1');
      const consumed = this.#decoder.consumed;
      if (this.#decoder.done) this.#complete();
      return from + consumed;
    }
    const taken = piece.subarray(0, this.#remaining);
    this.#body += taken.toString('latin1');
    this.#remaining -= taken.length;
    if (this.#remaining === 0) this.#complete();
    return from + taken.length;
  }

  #complete(): void {
    const head = this.#head as RequestHead;
    this.requests.push({ method: head.method, target: head.target, body: this.#body });
    this.#head = undefined;
    this.#decoder = undefined;
  }
}
