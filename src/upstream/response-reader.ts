// Reads the heads of the responses on one connection to an endpoint: passes informational ones on, and gives the one that counts.
import { Fields } from '#http/fields.ts';
import type { Exchange } from '#model/exchange.ts';
import { ProxyError } from '#model/proxy-error.ts';
import { HeadReader } from '#wire/http1/head-reader.ts';
import { parseResponseHead, type ResponseHead } from '#wire/http1/response-head.ts';

export const MAX_HEAD_BYTES = 65536;
export const MAX_FIELDS = 256;
/** More informational responses than this are a fault of the origin. */
export const MAX_INFORMATIONAL = 32;

export class ResponseReader {
  /** Where in the buffer of the last `read` the bytes behind the head begin, when it gave one. */
  next = 0;
  readonly #head = new HeadReader(MAX_HEAD_BYTES);
  #informational = 0;

  /** Whether nothing of a response has come yet. */
  get isUntouched(): boolean {
    return !this.#head.started && this.#informational === 0;
  }

  /** Another request has been sent. */
  begin(): void {
    this.#informational = 0;
  }

  /**
   * The head of the final response, or of a 101 (Switching Protocols); `undefined` while it is not complete. Throws a `Violation` or
   * a `ProxyError`.
   */
  read(buffer: Buffer, from: number, to: number, exchange: Exchange): ResponseHead | undefined {
    let at = from;
    while (at < to) {
      at = this.#head.read(buffer, at, to);
      if (at < 0) return undefined;
      const head = parseResponseHead(this.#head, exchange.request.method, MAX_FIELDS);
      this.#head.reset();
      if (head.status >= 200 || head.status === 101) {
        this.next = at;
        return head;
      }
      if (++this.#informational > MAX_INFORMATIONAL)
        throw new ProxyError('http_protocol_error', 'too many informational responses');
      exchange.informant?.inform(head.status, new Fields(head.section.text));
    }
    return undefined;
  }
}
