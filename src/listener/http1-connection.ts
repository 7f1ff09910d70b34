// One HTTP/1.x client connection: reads requests one after the other, has them handled, writes the responses in order.
import type { Deadlined, DeadlineEntry } from '#lib/deadlines.ts';
import { fixedBody, UNKNOWN_LENGTH } from '#model/body.ts';
import type { ByteStream, StreamReceiver } from '#model/byte-stream.ts';
import { type ClientConnection, Exchange } from '#model/exchange.ts';
import type { Response } from '#model/message.ts';
import { ProxyError } from '#model/proxy-error.ts';
import { IncomingBody } from '#net/incoming-body.ts';
import { HeadReader } from '#wire/http1/head-reader.ts';
import { parseRequestHead, type RequestHead } from '#wire/http1/request-head.ts';
import { serializeResponseHead } from '#wire/http1/serialize.ts';
import { Http1Answer } from './http1-answer.ts';
import { emptyRequest, refusal, toRequest, unreadableRequest } from './http1-request.ts';
import type { ListenerHost, ListenerState } from './listener-host.ts';

/** Content that came with its head and is no larger is kept as a whole, so that it can be sent again on a retry. */
const MAX_FIXED_BYTES = 16384;
/** Unwanted content up to this size is read and dropped to keep the connection; more closes it. */
const MAX_DRAINED_BYTES = 65536;
/** How long and how much to go on reading after the last response, so that the client gets to read it (RFC 9112 9.6). */
const LINGER_MS = 2000;
const MAX_LINGER_BYTES = 1048576;
/** After a client's FIN it may wait for its response or be gone: an informational response finds out (see `#probe`). */
const PROBE_AFTER_MS = 500;

type State = 'head' | 'exchange' | 'lingering' | 'tunnel' | 'closed';

export class Http1Connection implements StreamReceiver, Deadlined, ClientConnection {
  deadline: DeadlineEntry | undefined = undefined;
  readonly listenerState: ListenerState;
  readonly host: ListenerHost;
  readonly stream: ByteStream;
  readonly secure: boolean;
  readonly #onClosed: (connection: Http1Connection) => void;
  #state: State = 'head';
  #head: HeadReader | undefined = undefined;
  #startedAt = 0;
  #requests = 0;
  #exchange: Exchange | undefined = undefined;
  #incoming: IncomingBody | undefined = undefined;
  #answer: Http1Answer | undefined = undefined;
  /** Whether the present request lets the connection stay. */
  #persistent = true;
  /** Bytes of requests behind the present one; reading stops while there are any. */
  #pipelined: Buffer | undefined = undefined;
  #running = false;
  #halfClosed = false;
  #expectsContinue = false;
  #lingered = 0;
  /** Ends the tunnel this connection has become. */
  stopTunnel: (() => void) | undefined = undefined;

  constructor(
    open: (receiver: StreamReceiver) => ByteStream,
    listener: ListenerState,
    host: ListenerHost,
    onClosed: (connection: Http1Connection) => void,
  ) {
    this.listenerState = listener;
    this.host = host;
    this.secure = false;
    this.#onClosed = onClosed;
    // A client that says nothing at all has as long as one that starts a head.
    host.deadlines.set(this, listener.settings.headTimeoutMs);
    this.stream = open(this);
  }

  get clock() {
    return this.host.clock;
  }

  get listener(): string {
    return this.listenerState.name;
  }

  get remoteAddress(): string {
    return this.stream.remoteAddress;
  }

  get remotePort(): number {
    return this.stream.remotePort;
  }

  get localAddress(): string {
    return this.stream.localAddress;
  }

  get localPort(): number {
    return this.stream.localPort;
  }

  /** Closes the connection if no exchange is under way, else after the present one. */
  drain(): void {
    this.#persistent = false;
    if (this.#state === 'head' && !this.#head?.started) this.#close();
  }

  /** Closes at once, whatever is under way. */
  abort(): void {
    if (this.stopTunnel) this.stopTunnel();
    else this.stream.abort();
  }

  bytes(buffer: Buffer, length: number, mayKeep: boolean): boolean {
    switch (this.#state) {
      case 'head':
        return this.#run(buffer, 0, length);
      case 'exchange':
        return this.#readContent(buffer, length, mayKeep);
      case 'lingering':
        this.#lingered += length;
        if (this.#lingered > MAX_LINGER_BYTES) this.stream.abort();
        return true;
      default:
        return false;
    }
  }

  drained(): void {
    this.#answer?.drained();
  }

  ended(): void {
    this.#halfClosed = true;
    this.#persistent = false;
    if (this.#state === 'exchange') this.#clientEnded();
    else if (this.#state === 'head' && this.#head?.started)
      this.#refuse(new ProxyError('client-closed', 'the head is incomplete'));
    else this.stream.abort();
  }

  closed(error: NodeJS.ErrnoException | undefined): void {
    const state = this.#state;
    this.#state = 'closed';
    this.host.deadlines.clear(this);
    if (state === 'exchange') this.fail(new ProxyError('client-closed', undefined, { cause: error }));
    else if (state === 'head' && this.#head?.started)
      this.#recordUnread(new ProxyError('client-closed', 'the head is incomplete'));
    this.#onClosed(this);
  }

  onDeadline(): void {
    if (this.#state === 'head') {
      if (this.#head?.started) this.#refuse(new ProxyError('request-head-timeout'));
      else this.#close();
    } else if (this.#state === 'exchange') {
      this.#exchangeDeadline();
    } else {
      this.stream.abort();
    }
  }

  /** Ends the present exchange without a (whole) response. */
  fail(error: ProxyError): void {
    const exchange = this.#exchange;
    if (!exchange) return;
    exchange.error ??= error;
    exchange.abort(error);
    this.#incoming?.abort(error);
    this.#answer?.cancel(error);
    this.#finishExchange(exchange);
    if (this.#state !== 'closed') this.stream.reset();
  }

  /** Called by the answer when it has been written. */
  answered(exchange: Exchange, keepAlive: boolean): void {
    const incoming = this.#incoming;
    const unread = incoming !== undefined && !incoming.complete;
    this.#finishExchange(exchange);
    if (this.#state === 'closed') return;
    if (!keepAlive || unread || this.#halfClosed || this.listenerState.draining) {
      if (unread) incoming?.cancel(new ProxyError('request-body-too-large', 'the response came before the content'));
      this.#linger();
      return;
    }
    this.#state = 'head';
    this.host.deadlines.set(this, this.listenerState.settings.keepAliveTimeoutMs);
    if (!this.#running) this.#runPipelined();
  }

  /** Sets the deadline that fits what the exchange waits for; called whenever that changes. */
  watch(): void {
    const { deadlines } = this.host;
    const { settings } = this.listenerState;
    const incoming = this.#incoming;
    if (this.#answer?.waiting) deadlines.set(this, settings.sendTimeoutMs);
    else if (incoming && !incoming.complete && !incoming.held) deadlines.set(this, settings.bodyTimeoutMs);
    else if (this.#halfClosed && !this.#answer) deadlines.set(this, PROBE_AFTER_MS);
    else deadlines.clear(this);
  }

  /** Joins the client with what the response switched to: the tunnel owns the stream from here on. */
  becomeTunnel(): Buffer | undefined {
    this.#state = 'tunnel';
    this.host.deadlines.clear(this);
    return this.#pipelined;
  }

  /** The tunnel is over. */
  tunnelEnded(exchange: Exchange): void {
    this.#finishExchange(exchange);
    this.#state = 'closed';
    this.#onClosed(this);
  }

  // What the incoming body tells.

  bodyEnded(): void {
    this.watch();
  }

  bodyCancelled(): void {
    this.watch();
  }

  bodyMalformed(error: unknown): void {
    this.#rejectContent(refusal(error));
  }

  /** Reads heads from `buffer` as long as their exchanges end at once; returns whether to go on reading. */
  #run(buffer: Buffer, from: number, to: number): boolean {
    this.#running = true;
    let at = from;
    while (at < to && this.#state === 'head') at = this.#readHead(buffer, at, to);
    this.#running = false;
    if (at < to && this.#state === 'exchange') {
      this.#pipelined = Buffer.from(buffer.subarray(at, to));
      return false;
    }
    return !this.#incoming?.held;
  }

  #runPipelined(): void {
    const bytes = this.#pipelined;
    this.#pipelined = undefined;
    if (!bytes) return;
    if (this.#run(bytes, 0, bytes.length)) this.stream.resume();
  }

  /** Reads one head and starts its exchange; returns where the bytes of the next request begin. */
  #readHead(buffer: Buffer, from: number, to: number): number {
    const { settings } = this.listenerState;
    this.#head ??= new HeadReader(settings.maxHeadBytes);
    const reader = this.#head;
    if (!reader.started) {
      this.#startedAt = this.host.clock.now();
      this.#persistent = !this.listenerState.draining && !this.#halfClosed;
    }
    let head: RequestHead;
    let next: number;
    try {
      const started = reader.started;
      next = reader.read(buffer, from, to);
      if (next < 0) {
        if (!started) this.host.deadlines.set(this, settings.headTimeoutMs);
        return to;
      }
      head = parseRequestHead(reader.text, reader.start, reader.end, settings);
    } catch (error) {
      this.#refuse(refusal(error));
      return to;
    }
    reader.reset();
    return this.#begin(head, buffer, next, to);
  }

  #begin(head: RequestHead, buffer: Buffer, from: number, to: number): number {
    const { section } = head;
    const snapshot = this.host.snapshot();
    const last = ++this.#requests >= this.listenerState.settings.maxRequests;
    if (last || (head.minorVersion > 0 ? section.close : !section.keepAlive)) this.#persistent = false;
    let exchange: Exchange;
    try {
      const request = toRequest(head, {
        secure: this.secure,
        allowEncodedSlash: snapshot.forwarding.allowEncodedSlash,
      });
      exchange = new Exchange(this, snapshot, request, this.#startedAt);
      this.#checkContent(head);
    } catch (error) {
      this.#refuseRead(new Exchange(this, snapshot, emptyRequest(head, this.secure), this.#startedAt), refusal(error));
      return to;
    }
    this.#open(exchange);
    this.#expectsContinue = section.expect !== '' && head.minorVersion > 0;
    const next = this.#takeContent(exchange, head, buffer, from, to);
    const response = this.host.handle(exchange);
    if (response instanceof Promise) {
      this.watch();
      response.then((result) => this.#send(exchange, result));
    } else {
      this.#send(exchange, response);
    }
    return next;
  }

  #checkContent(head: RequestHead): void {
    const { maxBodyBytes } = this.listenerState.settings;
    if (maxBodyBytes > 0 && head.section.contentLength > maxBodyBytes) throw new ProxyError('request-body-too-large');
    // RFC 9110 10.1.1: a server that cannot meet an expectation answers 417; 100-continue is the only one there is.
    if (head.section.expect !== '' && head.section.expect !== '100-continue' && head.minorVersion > 0) {
      throw new ProxyError('expectation-failed');
    }
  }

  /** Gives the request its body; returns where the bytes of the next request begin. */
  #takeContent(exchange: Exchange, head: RequestHead, buffer: Buffer, from: number, to: number): number {
    if (head.framing === 'none') return from;
    const length = head.section.contentLength;
    if (head.framing === 'length' && length <= MAX_FIXED_BYTES && to - from >= length) {
      exchange.request.body = fixedBody(buffer.toString('latin1', from, from + length));
      exchange.bytesReceived = length;
      return from + length;
    }
    const { settings } = this.listenerState;
    const incoming = new IncomingBody(
      this.stream,
      {
        type: head.framing === 'chunked' ? 'chunked' : 'length',
        length,
        maxTrailerBytes: settings.maxHeadBytes,
        maxTrailers: settings.maxFields,
      },
      this,
    );
    this.#incoming = incoming;
    exchange.request.body = incoming;
    this.stream.relaying = true;
    if (from === to) return to;
    return from + incoming.receive(buffer.subarray(from, to), false);
  }

  #readContent(buffer: Buffer, length: number, mayKeep: boolean): boolean {
    const incoming = this.#incoming;
    const bytes = buffer.subarray(0, length);
    let consumed = 0;
    if (incoming && !incoming.complete) {
      consumed = incoming.receive(bytes, mayKeep);
      const { maxBodyBytes } = this.listenerState.settings;
      if (maxBodyBytes > 0 && incoming.received > maxBodyBytes)
        this.#rejectContent(new ProxyError('request-body-too-large'));
      this.watch();
    }
    if (consumed < length && this.#state !== 'closed') {
      const rest = bytes.subarray(consumed);
      this.#pipelined = this.#pipelined ? Buffer.concat([this.#pipelined, rest]) : Buffer.from(rest);
      if (this.#state === 'head' && !this.#running) {
        this.#runPipelined();
        return !this.#pipelined;
      }
      return false;
    }
    return !incoming?.held;
  }

  #open(exchange: Exchange): void {
    this.#state = 'exchange';
    this.#exchange = exchange;
    this.#answer = undefined;
    this.#incoming = undefined;
    exchange.snapshot.uses++;
    exchange.inform = (status, fields) => {
      // RFC 9110 15.2: "A server MUST NOT send a 1xx response to an HTTP/1.0 client."
      if (exchange.request.version === '1.0' || this.#answer || this.#state !== 'exchange') return;
      if (status === 100) this.#expectsContinue = false;
      this.stream.write(serializeResponseHead(status, '', fields.text, 'none', ''));
    };
  }

  #send(exchange: Exchange, response: Response): void {
    if (this.#exchange !== exchange || this.#state === 'closed') {
      if (response.body?.type === 'stream') response.body.cancel(exchange.aborted ?? new ProxyError('client-closed'));
      response.tunnel?.stream.abort();
      response.tunnel?.done();
      return;
    }
    this.#answer = new Http1Answer(this, exchange, response);
    this.#answer.start(this.#persistent && !this.#mustCloseForContent());
  }

  /** Whether content that nobody has begun to read is too much, or too uncertain, to be read and dropped. */
  #mustCloseForContent(): boolean {
    const incoming = this.#incoming;
    if (!incoming || incoming.complete || incoming.started) return false;
    const { length } = this.#exchange?.request ?? { length: UNKNOWN_LENGTH };
    if (this.#expectsContinue || length === UNKNOWN_LENGTH || length > MAX_DRAINED_BYTES) return true;
    incoming.pipe({ chunk: () => true, end() {}, abort() {} });
    return false;
  }

  #exchangeDeadline(): void {
    if (this.#answer?.waiting) this.fail(new ProxyError('client-stalled'));
    else if (this.#incoming && !this.#incoming.complete) this.#rejectContent(new ProxyError('request-body-timeout'));
    else this.#probe();
  }

  /**
   * Finds out whether a client that sent FIN still listens: one that is gone answers with a reset, and one that waits for
   * its response passes over an informational one (RFC 9110 15.2).
   */
  #probe(): void {
    if (!this.#exchange || this.#answer || this.#exchange.request.version === '1.0') return;
    this.stream.write('HTTP/1.1 100 Continue\r\n\r\n');
    this.host.deadlines.set(this, PROBE_AFTER_MS * 10);
  }

  #clientEnded(): void {
    if (this.#incoming && !this.#incoming.complete)
      this.fail(new ProxyError('client-closed', 'the content is incomplete'));
    else this.watch();
  }

  /** The content cannot go on: whoever reads it fails, and with it the exchange. */
  #rejectContent(error: ProxyError): void {
    const exchange = this.#exchange;
    if (!exchange) return;
    exchange.error ??= error;
    this.#persistent = false;
    if (this.#answer) {
      this.fail(error);
      return;
    }
    exchange.abort(error);
    this.#incoming?.abort(error);
    this.#send(exchange, this.host.answer(error, exchange));
  }

  /** Answers what could not be read as a request. */
  #refuse(error: ProxyError): void {
    this.#refuseRead(new Exchange(this, this.host.snapshot(), unreadableRequest(this.secure), this.#startedAt), error);
  }

  #refuseRead(exchange: Exchange, error: ProxyError): void {
    this.#persistent = false;
    this.#open(exchange);
    exchange.error = error;
    if (this.#halfClosed && error.code === 'client-closed') this.fail(error);
    else this.#send(exchange, this.host.answer(error, exchange));
  }

  #recordUnread(error: ProxyError): void {
    const exchange = new Exchange(this, this.host.snapshot(), unreadableRequest(this.secure), this.#startedAt);
    exchange.error = error;
    exchange.status = error.status;
    this.host.record(exchange, this.listenerState.series);
  }

  #finishExchange(exchange: Exchange): void {
    if (this.#exchange !== exchange) return;
    if (this.#incoming) exchange.bytesReceived = this.#incoming.received;
    if (this.#answer) exchange.bytesSent = this.#answer.sent;
    if (exchange.status === 0) exchange.status = exchange.error?.status ?? 499;
    this.#exchange = undefined;
    this.#incoming = undefined;
    this.#answer = undefined;
    this.stream.relaying = false;
    exchange.snapshot.uses--;
    exchange.end();
    this.host.record(exchange, this.listenerState.series);
  }

  /** RFC 9112 9.6: closes the writing side first and reads on for a while, so that no reset destroys the response. */
  #linger(): void {
    this.#state = 'lingering';
    this.stream.end();
    if (this.#halfClosed) {
      this.host.deadlines.set(this, LINGER_MS);
      return;
    }
    this.host.deadlines.set(this, LINGER_MS);
    this.#pipelined = undefined;
    this.stream.resume();
  }

  #close(): void {
    this.#state = 'lingering';
    this.stream.end();
    this.host.deadlines.set(this, LINGER_MS);
  }
}
