// Streaming content of a request that is remembered while it passes, so that a second attempt can send it again.
import type { Fields } from '#http/fields.ts';
import type { BodySink, StreamBody } from '#model/body.ts';
import type { Exchange } from '#model/exchange.ts';
import type { ProxyError } from '#model/proxy-error.ts';
import type { Upstream } from '#model/upstream.ts';
import { isRepeatable } from './retry-policy.ts';

/** Content is kept where a second attempt may need it: streaming, of a length that may be kept, in a request that may be sent twice. */
export function keepContent(exchange: Exchange, { retry, pool }: Upstream): RepeatableContent | undefined {
  const { body, length } = exchange.request;
  const { attempts, maxBodyBytes } = retry;
  if (body?.type !== 'stream' || length > maxBodyBytes || maxBodyBytes === 0) return undefined;
  // RFC 9113 8.7: over HTTP/2 an endpoint may say of a request whose content is on its way that it has not looked at it, and then it
  // is sent elsewhere whatever its method. An endpoint that shuts down says so of all that come too late.
  const isNeeded = pool.protocol !== 'http1' || (attempts > 1 && isRepeatable(exchange, retry));
  return isNeeded ? new RepeatableContent(body, maxBodyBytes) : undefined;
}

/** Content read once from its source, and given to one reader after the other from its beginning. */
export class RepeatableContent {
  readonly #source: StreamBody;
  readonly #limit: number;
  /** What has passed; `undefined` once that is more than the limit, or nobody needs it any more. */
  #remembered: Uint8Array[] | undefined = [];
  #bytes = 0;
  #reader: Reader | undefined = undefined;
  /** How the source ended. */
  #end: { readonly trailers: Fields | undefined } | undefined = undefined;
  #broken: ProxyError | undefined = undefined;
  /** Why the last reader left; the source is told when no other one comes. */
  #left: ProxyError | undefined = undefined;
  #settled = false;

  /** `limit` is in octets. */
  constructor(source: StreamBody, limit: number) {
    this.#source = source;
    this.#limit = limit;
  }

  /** Whether another reader would get all of it. */
  get repeatable(): boolean {
    return this.#remembered !== undefined && !this.#broken;
  }

  /** The content for the next attempt. The attempt before must have left it. */
  next(): StreamBody {
    this.#left = undefined;
    this.#reader = new Reader(this);
    return this.#reader;
  }

  /** No other reader will come: what was remembered for one is dropped, and the source goes the way of its reader. */
  settle(): void {
    if (this.#settled) return;
    this.#settled = true;
    if (this.#left) this.#source.cancel(this.#left);
    if (this.#reader?.caughtUp !== false) this.#remembered = undefined;
  }

  // What readers ask.

  begin(reader: Reader): void {
    if (this.#source.started) {
      this.proceed(reader);
    } else {
      reader.caughtUp = true;
      this.#source.pipe(this.#sink);
    }
  }

  /** Gives the reader what it has not had, as long as it takes it; then lets the source flow on. */
  proceed(reader: Reader): void {
    while (this.#reader === reader && this.#remembered && reader.position < this.#remembered.length) {
      const bytes = this.#remembered[reader.position] as Uint8Array;
      reader.position++;
      if (!reader.take(bytes)) return;
    }
    if (this.#reader !== reader) return;
    reader.caughtUp = true;
    if (this.#settled) this.#remembered = undefined;
    if (this.#broken) reader.breakOff(this.#broken);
    else if (this.#end) reader.finish(this.#end.trailers);
    else this.#source.resume();
  }

  leave(reader: Reader, error: ProxyError): void {
    if (this.#reader !== reader) return;
    this.#reader = undefined;
    this.#left = error;
    if (this.#settled) this.#source.cancel(error);
  }

  // What the source tells.

  readonly #sink: BodySink = {
    chunk: (bytes) => {
      const reader = this.#reader;
      if (!reader?.caughtUp) {
        // What comes between two readers is for the next one, and nothing more comes until that has had it.
        this.#remember(bytes);
        return false;
      }
      if (this.#bytes + bytes.length > this.#limit) this.#remembered = undefined;
      this.#remember(bytes);
      reader.position++;
      return reader.take(bytes);
    },
    end: (trailers) => {
      this.#end = { trailers };
      if (this.#reader?.caughtUp) this.#reader.finish(trailers);
    },
    abort: (error) => {
      this.#broken = error;
      if (this.#reader?.caughtUp) this.#reader.breakOff(error);
    },
  };

  #remember(bytes: Uint8Array): void {
    if (!this.#remembered) return;
    this.#bytes += bytes.length;
    this.#remembered.push(Buffer.from(bytes));
  }
}

/** The content as one attempt sees it. */
class Reader implements StreamBody {
  readonly type = 'stream';
  started = false;
  /** How many of the remembered parts it has had. */
  position = 0;
  /** Whether it gets what the source gives as it comes. */
  caughtUp = false;
  readonly #content: RepeatableContent;
  #sink: BodySink | undefined = undefined;

  constructor(content: RepeatableContent) {
    this.#content = content;
  }

  pipe(sink: BodySink): void {
    if (this.started) throw new Error('content can be read once only');
    this.started = true;
    this.#sink = sink;
    this.#content.begin(this);
  }

  resume(): void {
    this.#content.proceed(this);
  }

  cancel(error: ProxyError): void {
    this.#sink = undefined;
    this.#content.leave(this, error);
  }

  take(bytes: Uint8Array): boolean {
    return this.#sink?.chunk(bytes) ?? false;
  }

  finish(trailers: Fields | undefined): void {
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.end(trailers);
  }

  breakOff(error: ProxyError): void {
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.abort(error);
  }
}
