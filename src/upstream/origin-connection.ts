// One HTTP/1.1 connection to an endpoint: sends a request, reads its response, and goes back to the pool or closes.
import type { DeadlineEntry } from '#lib/deadlines.ts';
import { fixedBody } from '#model/body.ts';
import { type ByteStream, StreamFault, type StreamReceiver } from '#model/byte-stream.ts';
import { ProxyError } from '#model/proxy-error.ts';
import { IncomingBody } from '#net/incoming-body.ts';
import type { ResponseHead } from '#wire/http1/response-head.ts';
import { connectError, faultError, refusedCertificate } from './connection-error.ts';
import { ConnectionLife } from './connection-life.ts';
import { contentIdleMs } from './content-idle.ts';
import type { EndpointPool } from './endpoint-pool.ts';
import type { Http1Attempt } from './http1-attempt.ts';
import { contentFraming, idleLimitMs, keepsConnection, protocolError, toResponse } from './http1-response.ts';
import { switchProtocols } from './protocol-switch.ts';
import { type ContentCarrier, RequestContent } from './request-content.ts';
import { requestHead } from './request-head.ts';
import { MAX_FIELDS, MAX_HEAD_BYTES, ResponseReader } from './response-reader.ts';

/** Content that came in one read with its head and is no larger is passed on as a string, in one write with the new head. */
const MAX_FIXED_BYTES = 16384;
const ALPN = ['http/1.1'];

type State = 'connecting' | 'idle' | 'waking' | 'head' | 'body' | 'tunnel' | 'closed';

export class OriginConnection implements StreamReceiver, ContentCarrier {
  deadline: DeadlineEntry | undefined = undefined;
  /** `Clock.now` when it last became idle, or a little before. */
  idleSince = 0;
  readonly #pool: EndpointPool;
  #stream!: ByteStream;
  #state: State = 'connecting';
  #attempt: Http1Attempt | undefined = undefined;
  readonly #reader = new ResponseReader();
  readonly #life: ConnectionLife;
  /** See `EndpointConnector.generation`. */
  readonly #generation: number;
  #incoming: IncomingBody | undefined = undefined;
  /** Streaming content of the request, until all of it is sent. */
  #content: RequestContent | undefined = undefined;
  /** How long content of the present response may stand still. */
  #contentIdleMs = 0;
  /** Whether the present response lets the connection be used again. */
  #reusable = false;
  #gone = false;
  /** How long the origin says it keeps an idle connection. */
  #toldIdleMs = Number.POSITIVE_INFINITY;

  constructor(pool: EndpointPool) {
    this.#pool = pool;
    this.#life = new ConnectionLife(pool.host.clock, pool.host.random);
    this.#generation = pool.connector.generation;
  }

  /** Whether it is not to get another request. */
  get isWornOut(): boolean {
    return this.#generation !== this.#pool.connector.generation || this.#life.isOver(this.#pool.settings);
  }

  /** Opens the connection, then starts the attempt. */
  connect(attempt: Http1Attempt): void {
    this.#attempt = attempt;
    attempt.connection = this;
    attempt.exchange.phase = 'connect';
    this.#pool.host.deadlines.set(this, attempt.upstream.timeouts.connectMs);
    const connected = () => {
      if (this.#attempt) this.start(this.#attempt);
    };
    this.#stream = this.#pool.connector.connect({ receiver: this, connected, alpn: ALPN });
  }

  /** Takes over a connection that stands. */
  adopt(stream: ByteStream, attempt: Http1Attempt | undefined): void {
    this.#stream = stream;
    stream.receiver = this;
    if (attempt) this.start(attempt);
    else this.#finish();
  }

  /** Sends the attempt's request. */
  start(attempt: Http1Attempt): void {
    const { exchange } = attempt;
    this.#attempt = attempt;
    attempt.connection = this;
    this.#state = 'head';
    this.#life.requests++;
    this.#reader.begin();
    exchange.phase = 'request';
    const head = requestHead(attempt);
    const { deadlines } = this.#pool.host;
    deadlines.set(this, attempt.upstream.timeouts.firstByteMs);
    const { body } = exchange.request;
    if (body?.type === 'stream') {
      this.#content = new RequestContent(attempt, body, head, { carrier: this, stream: this.#stream, deadlines });
      this.#content.start();
    } else {
      exchange.phase = 'response-head';
      if (body === undefined) this.#stream.write(head);
      else this.#stream.writeParts(head, body.content, '');
    }
  }

  /**
   * Starts an attempt that must not be sent twice, one turn of the loop later: if the close of this connection has reached the
   * machine by now, it is seen before anything is sent, and the pool finds the attempt another one.
   */
  wake(attempt: Http1Attempt): void {
    this.#attempt = attempt;
    attempt.connection = this;
    this.#state = 'waking';
    this.#pool.host.deadlines.clear(this);
    // What is set here runs behind the present round of events, and what is set there behind a whole new one.
    setImmediate(() =>
      setImmediate(() => {
        if (this.#state === 'waking' && this.#attempt) this.start(this.#attempt);
      }),
    );
  }

  /** Waits in the pool for the next request, for at most `idleTimeoutMs`. */
  rest(idleTimeoutMs: number): void {
    this.idleSince = this.#pool.host.deadlines.lastSweep;
    this.#pool.host.deadlines.set(this, Math.min(idleTimeoutMs, this.#toldIdleMs));
  }

  close(): void {
    this.#state = 'closed';
    this.#stream.abort();
  }

  /** Drops the present attempt; a request half sent or a response half read leaves the connection useless. */
  cancel(error: ProxyError): void {
    this.#attempt = undefined;
    this.#content?.cancel(error);
    this.close();
  }

  bytes(buffer: Buffer, length: number, mayKeep: boolean): boolean {
    switch (this.#state) {
      case 'head':
        return this.#readHead(buffer, 0, length);
      case 'body':
        return this.#readBody(buffer.subarray(0, length), mayKeep);
      default:
        // Bytes that no request asked for could pass for the answer to the next one.
        this.#stream.abort();
        return false;
    }
  }

  drained(): void {
    this.#content?.drained();
  }

  ended(): void {
    // RFC 9112 9.8: "A response that has neither chunked transfer coding nor Content-Length is complete only if a valid closure alert has
    // been received." Without TLS there is none, and FIN is the end of content that ends so; anywhere else `closed` tells whoever waits.
    const isWhole = !this.#stream.endedUnannounced && this.#state === 'body' && this.#incoming?.endOfStream();
    if (!isWhole) this.#stream.abort();
  }

  closed(error: NodeJS.ErrnoException | undefined): void {
    const before = this.#state;
    this.#state = 'closed';
    this.#pool.host.deadlines.clear(this);
    if (error instanceof StreamFault) this.#fail(faultError(error, this.#pool.host.log));
    else if (before === 'connecting') this.#fail(connectError(error));
    else if (before === 'head') this.#fail(this.#unanswered(error));
    else if (before === 'body') this.#lost(error);
    else if (before === 'tunnel') this.#attempt?.end();
    const unsent = before === 'waking' ? this.#attempt : undefined;
    this.#attempt = undefined;
    this.#leave();
    if (!unsent) return;
    unsent.connection = undefined;
    this.#pool.assign(unsent);
  }

  onDeadline(): void {
    const sending = this.#content !== undefined;
    if (this.#state === 'connecting') this.#fail(new ProxyError('connection_timeout'));
    else if (this.#state === 'head')
      this.#fail(new ProxyError(sending ? 'connection_write_timeout' : 'connection_read_timeout'));
    else if (this.#state === 'body') this.#fail(new ProxyError('http_response_timeout'));
    else this.#pool.discard(this);
  }

  // What the incoming body tells.

  bodyEnded(surplus: boolean): void {
    this.#incoming = undefined;
    // RFC 9112 6.3: bytes behind the end of a response are no response to anything.
    if (surplus) this.#reusable = false;
    this.#finish();
  }

  bodyHeld(): void {
    this.#watchBody();
  }

  bodyCancelled(error: ProxyError): void {
    this.#incoming = undefined;
    const attempt = this.#attempt;
    this.cancel(error);
    attempt?.end();
  }

  bodyRefused(error: unknown): void {
    this.#fail(protocolError(error));
  }

  // What the content of the request asks and tells.

  get awaitsResponse(): boolean {
    return this.#state === 'head';
  }

  contentSent(): void {
    this.#content = undefined;
  }

  contentMoved(): void {
    this.#watchBody();
  }

  contentFailed(error: ProxyError): void {
    this.#content = undefined;
    this.#fail(error);
  }

  #readHead(buffer: Buffer, from: number, to: number): boolean {
    const attempt = this.#attempt;
    if (!attempt) return false;
    let head: ResponseHead | undefined;
    try {
      head = this.#reader.read(buffer, from, to, attempt.exchange);
    } catch (error) {
      this.#fail(protocolError(error));
      return false;
    }
    // Passing an informational response on may have ended the exchange.
    if (this.#attempt !== attempt) return false;
    if (!head) return true;
    const { next } = this.#reader;
    if (head.status === 101) this.#switchProtocols(attempt, head, buffer.subarray(next, to));
    else this.#takeFinal(attempt, head, buffer, next, to);
    return !this.#incoming?.held;
  }

  #switchProtocols(attempt: Http1Attempt, head: ResponseHead, early: Buffer): void {
    const done = () => {
      attempt.end();
      this.#leave();
    };
    const wallMs = this.#pool.host.clock.wall();
    // RFC 9110 7.8: the new protocol begins behind the whole request.
    const response = this.#content
      ? undefined
      : switchProtocols(attempt, head, { stream: this.#stream, early, wallMs, done });
    if (!response) {
      this.#fail(new ProxyError('http_upgrade_failed'));
      return;
    }
    this.#state = 'tunnel';
    this.#pool.host.deadlines.clear(this);
    attempt.respond(response);
  }

  #takeFinal(attempt: Http1Attempt, head: ResponseHead, buffer: Buffer, from: number, to: number): void {
    const { section, framing } = head;
    this.#toldIdleMs = idleLimitMs(head);
    this.#reusable = keepsConnection(head) && !this.isWornOut;
    const response = toResponse(head, attempt.exchange.request.method, this.#pool.host.clock.wall());
    const length = framing === 'none' ? 0 : section.contentLength;
    if (framing === 'none' || (framing === 'length' && to - from >= length && length <= MAX_FIXED_BYTES)) {
      if (length > 0) response.body = fixedBody(buffer.toString('latin1', from, from + length));
      if (to - from > length) this.#reusable = false;
      this.#finish();
    } else {
      this.#contentIdleMs = contentIdleMs(attempt.upstream, response);
      response.body = this.#receiveStream(head, buffer.subarray(from, to));
    }
    attempt.respond(response);
  }

  #receiveStream(head: ResponseHead, rest: Buffer): IncomingBody {
    this.#state = 'body';
    this.#stream.relaying = true;
    const incoming = new IncomingBody(this.#stream, contentFraming(head, MAX_HEAD_BYTES, MAX_FIELDS), this);
    this.#incoming = incoming;
    this.#readBody(rest, false);
    return incoming;
  }

  #readBody(bytes: Buffer, mayKeep: boolean): boolean {
    const incoming = this.#incoming;
    if (!incoming) return false;
    if (incoming.receive(bytes, mayKeep) < bytes.length) this.#reusable = false;
    this.#watchBody();
    return !incoming.held;
  }

  /** While content of the response is to come: an origin has so long for the next of it, unless the client is slow to take it. */
  #watchBody(): void {
    const attempt = this.#attempt;
    if (this.#state !== 'body' || !attempt) return;
    const { deadlines } = this.#pool.host;
    if (this.#incoming?.held) deadlines.clear(this);
    else deadlines.set(this, this.#contentIdleMs);
  }

  /** The pool counts it no more; called when it is closed, by itself or by the tunnel it became. */
  #leave(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#pool.forget(this);
  }

  /** The response is complete. */
  #finish(): void {
    const attempt = this.#attempt;
    this.#attempt = undefined;
    this.#stream.relaying = false;
    this.#pool.host.deadlines.clear(this);
    attempt?.end();
    if (this.#content) {
      // What is still to be sent would only be thrown away.
      this.#content.cancel(new ProxyError('connection_terminated', 'the answer came ahead of the whole request'));
      this.#content = undefined;
      this.#reusable = false;
    }
    if (this.#reusable && this.#state !== 'closed') {
      this.#state = 'idle';
      this.#pool.release(this);
    } else {
      this.close();
    }
  }

  #fail(error: ProxyError): void {
    const attempt = this.#attempt;
    const incoming = this.#incoming;
    this.#attempt = undefined;
    this.#incoming = undefined;
    this.#content?.cancel(error);
    this.#content = undefined;
    this.close();
    incoming?.abort(error);
    attempt?.fail(error);
  }

  /** The connection is gone while content of the response is on its way to the client. */
  #lost(error: NodeJS.ErrnoException | undefined): void {
    if (!this.#incoming?.complete) {
      const reason = this.#stream.endedUnannounced ? 'TLS ended without close_notify' : undefined;
      this.#fail(new ProxyError('http_response_incomplete', reason, { cause: error }));
      return;
    }
    // All of it is here, and only the client is slow.
    this.#attempt?.end();
    this.#content?.cancel(new ProxyError('connection_terminated', undefined, { cause: error }));
    this.#content = undefined;
  }

  /** The error for a connection that is gone before the response head was here. */
  #unanswered(cause: NodeJS.ErrnoException | undefined): ProxyError {
    const isUntouched = this.#reader.isUntouched;
    const isFirst = this.#life.requests === 1;
    const refused = isUntouched && isFirst ? refusedCertificate(cause) : undefined;
    // Nothing was answered on a connection that was kept: the origin had closed it before.
    return refused ?? new ProxyError('connection_terminated', undefined, { cause, stale: isUntouched && !isFirst });
  }
}
