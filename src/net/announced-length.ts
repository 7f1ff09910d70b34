// Holds content to the length that was announced for it (RFC 9110 8.6): what was promised to the next hop is neither exceeded nor cut.
import { ProxyError } from '#model/proxy-error.ts';

export class AnnouncedLength {
  /** Octets still owed; infinite when no length was announced. */
  #owed: number;

  /** `announced` below 0 stands for none. */
  constructor(announced: number) {
    this.#owed = announced < 0 ? Number.POSITIVE_INFINITY : announced;
  }

  /** Content of so many octets is to be sent; returns what is wrong with that. */
  take(bytes: number): ProxyError | undefined {
    if (bytes > this.#owed) return new ProxyError('http_protocol_error', 'more content than announced');
    this.#owed -= bytes;
    return undefined;
  }

  /** There is no more content; returns what is wrong with that. */
  end(): ProxyError | undefined {
    if (this.#owed === 0 || this.#owed === Number.POSITIVE_INFINITY) return undefined;
    return new ProxyError('http_response_incomplete', 'less content than announced');
  }
}
