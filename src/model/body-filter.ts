// Looks at or changes streaming content on its way without gathering it: back-pressure passes through.

import type { Fields } from '#http/fields.ts';
import type { BodySink, StreamBody } from './body.ts';
import type { ProxyError } from './proxy-error.ts';

export interface BodyFilter {
  /** Sees a chunk before it is passed on. Throws a `ProxyError` to end the content there. */
  chunk(bytes: Uint8Array): void;
}

/** Returns `body` as seen through `filter`. */
export function filterBody(body: StreamBody, filter: BodyFilter): StreamBody {
  return new FilteredBody(body, filter);
}

class FilteredBody implements StreamBody, BodySink {
  readonly type = 'stream';
  readonly #body: StreamBody;
  readonly #filter: BodyFilter;
  #sink: BodySink | undefined = undefined;

  constructor(body: StreamBody, filter: BodyFilter) {
    this.#body = body;
    this.#filter = filter;
  }

  get started(): boolean {
    return this.#body.started;
  }

  pipe(sink: BodySink): void {
    this.#sink = sink;
    this.#body.pipe(this);
  }

  resume(): void {
    this.#body.resume();
  }

  cancel(error: ProxyError): void {
    this.#sink = undefined;
    this.#body.cancel(error);
  }

  chunk(bytes: Uint8Array): boolean {
    const sink = this.#sink;
    if (!sink) return true;
    try {
      this.#filter.chunk(bytes);
    } catch (error) {
      this.#sink = undefined;
      this.#body.cancel(error as ProxyError);
      sink.abort(error as ProxyError);
      return true;
    }
    return sink.chunk(bytes);
  }

  end(trailers: Fields | undefined): void {
    this.#sink?.end(trailers);
  }

  abort(error: ProxyError): void {
    this.#sink?.abort(error);
  }
}
