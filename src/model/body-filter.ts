// Looks at or changes streaming content on its way without gathering it: back-pressure passes through.
import type { Fields } from '#http/fields.ts';
import type { BodySink, StreamBody } from './body.ts';
import type { ProxyError } from './proxy-error.ts';

/** What stands at the end of content in place of what has come. */
export interface ContentEnd {
  /** Goes ahead of the end. */
  readonly bytes: Uint8Array | undefined;
  readonly trailers: Fields | undefined;
}

export interface BodyFilter {
  /** Returns what is passed on in place of a chunk, if anything. Throws a `ProxyError` to end the content there. */
  chunk(bytes: Uint8Array): Uint8Array;
  /** The content is whole: returns how it ends. Without this it ends as it came. Throws as `chunk` does. */
  end?(trailers: Fields | undefined): ContentEnd;
  /** The content has broken off: returns how it ends in spite of that, or `undefined` where it stays incomplete, as it does without this. */
  abort?(error: ProxyError): ContentEnd | undefined;
}

/** Returns `body` as seen through `filter`. */
export function filterBody(body: StreamBody, filter: BodyFilter): FilteredBody {
  return new FilteredBody(body, filter);
}

export class FilteredBody implements StreamBody, BodySink {
  readonly type = 'stream';
  readonly #body: StreamBody;
  readonly #filter: BodyFilter;
  #sink: BodySink | undefined = undefined;
  /** Whether the reader holds what it got, and takes nothing more until it says so. */
  #held = false;
  /** What has to wait for that. */
  #rest: ContentEnd | undefined = undefined;
  /** Why it was ended ahead of its reader. */
  #broken: ProxyError | undefined = undefined;

  constructor(body: StreamBody, filter: BodyFilter) {
    this.#body = body;
    this.#filter = filter;
  }

  get started(): boolean {
    return this.#body.started;
  }

  pipe(sink: BodySink): void {
    this.#sink = sink;
    if (this.#broken) this.abort(this.#broken);
    else this.#body.pipe(this);
  }

  resume(): void {
    this.#held = false;
    if (this.#rest) this.#finish(this.#rest);
    else this.#body.resume();
  }

  cancel(error: ProxyError): void {
    this.#sink = undefined;
    this.#body.cancel(error);
  }

  /** Ends the content here, as if it had broken off by itself. */
  breakOff(error: ProxyError): void {
    if (this.#rest || this.#broken) return;
    this.#broken = error;
    this.#body.cancel(error);
    this.abort(error);
  }

  chunk(bytes: Uint8Array): boolean {
    const sink = this.#sink;
    if (!sink) return true;
    let passed: Uint8Array;
    try {
      passed = this.#filter.chunk(bytes);
    } catch (error) {
      this.#fail(error as ProxyError);
      return true;
    }
    if (passed.length === 0) return true;
    this.#held = !sink.chunk(passed);
    return !this.#held;
  }

  end(trailers: Fields | undefined): void {
    if (!this.#sink) return;
    try {
      this.#finish(this.#filter.end?.(trailers) ?? { bytes: undefined, trailers });
    } catch (error) {
      this.#fail(error as ProxyError);
    }
  }

  abort(error: ProxyError): void {
    const sink = this.#sink;
    if (!sink) return;
    const end = this.#filter.abort?.(error);
    if (end) {
      this.#finish(end);
    } else {
      this.#sink = undefined;
      sink.abort(error);
    }
  }

  /** Gives the reader the end, or as much of it as it takes. */
  #finish(end: ContentEnd): void {
    this.#rest = end;
    if (this.#held) return;
    const { bytes, trailers } = end;
    if (bytes && bytes.length > 0) {
      this.#rest = { bytes: undefined, trailers };
      this.#held = !(this.#sink?.chunk(bytes) ?? true);
      if (this.#held) return;
    }
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.end(trailers);
  }

  #fail(error: ProxyError): void {
    const sink = this.#sink;
    this.#sink = undefined;
    this.#body.cancel(error);
    sink?.abort(error);
  }
}
