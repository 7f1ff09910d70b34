// One HTTP/1.x client connection: reads request heads one after the other and starts their exchanges; idles, drains, closes.
import type { Deadlined, DeadlineEntry } from '#lib/deadlines.ts';
import type { ByteStream, StreamReceiver } from '#model/byte-stream.ts';
import { Exchange } from '#model/exchange.ts';
import type { Request } from '#model/message.ts';
import { ProxyError } from '#model/proxy-error.ts';
import type { OpenTunnel } from '#net/open-tunnel.ts';
import { HeadReader } from '#wire/http1/head-reader.ts';
import { parseRequestHead, type RequestHead } from '#wire/http1/request-head.ts';
import { CLIENT_PREFACE } from '#wire/http2/protocol.ts';
import { ClientStream } from './client-stream.ts';
import { DRAIN_GRACE_MS, KEPT_GRACE_MS } from './drain-grace.ts';
import { Http1Exchange } from './http1-exchange.ts';
import { emptyRequest, refusal, toRequest } from './http1-request.ts';
import type { AcceptedConnection, ListenerHost, ListenerState } from './listener-host.ts';
import { unreadableRequest } from './request-parts.ts';

/** How long and how much to go on reading after the last response, so that the client gets to read it (RFC 9112 9.6). */
const LINGER_MS = 2000;
const MAX_LINGER_BYTES = 1048576;

/** How the preface of HTTP/2 begins. */
const HTTP2_REQUEST_LINE = CLIENT_PREFACE.slice(0, CLIENT_PREFACE.indexOf('SM'));

/** Makes an HTTP/2 connection of the stream that `open` gives. */
export type Http2Successor = (former: Http1Connection, open: (receiver: StreamReceiver) => ByteStream) => void;

export interface Http1End {
  readonly onClosed: (connection: Http1Connection) => void;
  /** `undefined` where HTTP/2 is not to be had without being agreed on. */
  readonly becomeHttp2: Http2Successor | undefined;
}

type State = 'head' | 'exchange' | 'lingering' | 'tunnel' | 'closed';

export class Http1Connection extends ClientStream implements StreamReceiver, Deadlined, AcceptedConnection {
  deadline: DeadlineEntry | undefined = undefined;
  readonly stream: ByteStream;
  /** Whether the client has sent FIN; it may still read. */
  halfClosed = false;
  /** The tunnel that this connection has become. */
  tunnel: OpenTunnel | undefined = undefined;
  readonly #onClosed: (connection: Http1Connection) => void;
  readonly #becomeHttp2: Http2Successor | undefined;
  #state: State = 'head';
  #head: HeadReader | undefined = undefined;
  #startedAt = 0;
  #requests = 0;
  #current: Http1Exchange | undefined = undefined;
  /** Bytes of requests behind the present one; reading stops while there are any. */
  #pipelined: Buffer | undefined = undefined;
  /** Whether `#run` is at work further up the stack and will see to the next request. */
  #running = false;
  #lingered = 0;
  /** Whether the client has sent FIN behind the bytes that wait in `#pipelined`. */
  #endedBehind = false;
  /** Whether reading has been stopped by the answer to the last read. */
  #stopped = false;

  constructor(
    open: (receiver: StreamReceiver) => ByteStream,
    listener: ListenerState,
    host: ListenerHost,
    end: Http1End,
  ) {
    super(listener, host);
    this.#onClosed = end.onClosed;
    this.#becomeHttp2 = end.becomeHttp2;
    this.#awaitRequest();
    this.stream = open(this);
  }

  /**
   * Closes the connection behind its present or next exchange, as the listener is draining.
   *
   * It may seem simpler to close an idle one at once; however, the next request of a busy client is often on its way, or has not been
   * read, and who loses one that was sent on a kept connection may not send it again if it is a POST.
   */
  drain(): void {
    if (this.tunnel) this.tunnel.drain();
    else if (this.#state === 'head' && !this.#head?.started) this.#awaitRequest();
  }

  /** Closes at once, whatever is under way. */
  abort(): void {
    this.isCutOff = true;
    if (this.tunnel) this.tunnel.stop();
    else this.stream.abort();
  }

  bytes(buffer: Buffer, length: number, mayKeep: boolean): boolean {
    const goOn = this.#take(buffer, length, mayKeep);
    this.#stopped = !goOn;
    return goOn;
  }

  #take(buffer: Buffer, length: number, mayKeep: boolean): boolean {
    switch (this.#state) {
      case 'head':
        return this.#run(buffer, 0, length);
      case 'exchange':
        return this.#readContent(buffer.subarray(0, length), mayKeep);
      case 'lingering':
        this.#lingered += length;
        if (this.#lingered > MAX_LINGER_BYTES) this.stream.abort();
        return true;
      default:
        return false;
    }
  }

  drained(): void {
    this.#current?.drained();
  }

  ended(): void {
    if (this.#pipelined) {
      this.#endedBehind = true;
      return;
    }
    this.halfClosed = true;
    if (this.#current) this.#current.clientEnded();
    else this.stream.abort();
  }

  closed(error: NodeJS.ErrnoException | undefined): void {
    const reason = this.closeReason(error);
    const unfinishedHead = this.#state === 'head' && this.#head?.started;
    this.#state = 'closed';
    this.host.deadlines.clear(this);
    this.#current?.fail(reason);
    if (unfinishedHead) this.#recordUnfinished();
    this.#onClosed(this);
  }

  onDeadline(): void {
    if (this.#state !== 'head') this.stream.abort();
    else if (this.#head?.started) this.#refuse(unreadableRequest(this.secure), new ProxyError('request-head-timeout'));
    else this.#linger();
  }

  /** The present exchange has its whole response; the connection goes on if `keepAlive`. */
  exchangeEnded(keepAlive: boolean): void {
    this.#current = undefined;
    if (this.#state === 'closed') return;
    // A client that was told the connection stays, ahead of a drain, may have sent its next request.
    if (!keepAlive || this.halfClosed) {
      this.#linger();
      return;
    }
    this.#state = 'head';
    this.#awaitRequest();
    if (this.#running) return;
    if (this.#pipelined) this.#runPipelined();
    else if (this.#stopped) this.#goOn();
  }

  /** The present exchange has failed: only a reset tells the client that what it got is not the whole. */
  exchangeBroken(): void {
    this.#current = undefined;
    if (this.#state !== 'closed') this.stream.reset();
  }

  /** The stream belongs to a tunnel from here on. Returns what was received ahead of it. */
  becomeTunnel(): Buffer | undefined {
    this.#state = 'tunnel';
    this.host.deadlines.clear(this);
    return this.#pipelined;
  }

  tunnelEnded(): void {
    this.#current = undefined;
    this.#state = 'closed';
    this.#onClosed(this);
  }

  /** Bounds the wait for the first byte of a request. */
  #awaitRequest(): void {
    const { settings, draining } = this.listenerState;
    // A client that says nothing at all has as long as one that has started a head.
    const isFirst = this.#requests === 0;
    const ms = isFirst ? settings.headTimeoutMs : settings.keepAliveTimeoutMs;
    const graceMs = isFirst ? DRAIN_GRACE_MS : KEPT_GRACE_MS;
    this.host.deadlines.set(this, draining ? Math.min(ms, graceMs) : ms);
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
    return !this.#current?.held;
  }

  #runPipelined(): void {
    const bytes = this.#pipelined;
    this.#pipelined = undefined;
    const goesOn = bytes !== undefined && this.#run(bytes, 0, bytes.length);
    if (this.#endedBehind && !this.#pipelined) {
      this.#endedBehind = false;
      this.ended();
    } else if (goesOn) {
      this.#goOn();
    }
  }

  #goOn(): void {
    this.#stopped = false;
    this.stream.resume();
  }

  #readContent(bytes: Buffer, mayKeep: boolean): boolean {
    const current = this.#current;
    const consumed = current?.receive(bytes, mayKeep) ?? 0;
    if (consumed === bytes.length || this.#state === 'closed') return !current?.held;
    const rest = bytes.subarray(consumed);
    this.#pipelined = this.#pipelined ? Buffer.concat([this.#pipelined, rest]) : Buffer.from(rest);
    if (this.#state === 'exchange') return false;
    this.#runPipelined();
    return this.#pipelined === undefined && !this.#current?.held;
  }

  /** Reads one head and starts its exchange; returns where the bytes of the next request begin. */
  #readHead(buffer: Buffer, from: number, to: number): number {
    const { settings } = this.listenerState;
    this.#head ??= new HeadReader(settings.maxHeadBytes);
    const reader = this.#head;
    const wasStarted = reader.started;
    if (!wasStarted) this.#startedAt = this.host.clock.now();
    let head: RequestHead;
    let next = to;
    try {
      next = reader.read(buffer, from, to);
      if (next < 0) {
        if (!wasStarted) this.host.deadlines.set(this, settings.headTimeoutMs);
        return to;
      }
      head = parseRequestHead(reader, settings);
    } catch (error) {
      if (this.#isHttp2(reader)) this.#handOver(buffer.subarray(next, to));
      else this.#refuse(unreadableRequest(this.secure), refusal(error));
      return to;
    }
    reader.reset();
    return this.#begin(head, buffer, next, to);
  }

  /** RFC 9113 3.4: what a client that knows us to speak HTTP/2 begins with looks like a request head. */
  #isHttp2({ text }: HeadReader): boolean {
    return this.#becomeHttp2 !== undefined && this.#requests === 0 && text.startsWith(HTTP2_REQUEST_LINE);
  }

  /** Gives the stream to an HTTP/2 connection; `rest` is what came behind the head that was none. */
  #handOver(rest: Buffer): void {
    this.host.deadlines.clear(this);
    this.#state = 'closed';
    this.#becomeHttp2?.(this, (receiver) => {
      this.stream.receiver = receiver;
      return this.stream;
    });
    const { receiver } = this.stream;
    const head = Buffer.from(HTTP2_REQUEST_LINE, 'latin1');
    receiver.bytes(head, head.length, false);
    if (rest.length > 0) receiver.bytes(rest, rest.length, false);
  }

  #begin(head: RequestHead, buffer: Buffer, from: number, to: number): number {
    const { forwarding } = this.host.snapshot();
    let request: Request;
    try {
      request = toRequest(head, { secure: this.secure, allowEncodedSlash: forwarding.allowEncodedSlash });
      this.checkDirected(request);
      this.#checkContent(head);
    } catch (error) {
      this.#refuse(emptyRequest(head, this.secure), refusal(error));
      return to;
    }
    return this.#open(request, this.#isPersistent(head)).start(head, buffer, from, to);
  }

  #isPersistent({ section, minorVersion }: RequestHead): boolean {
    const { settings, draining } = this.listenerState;
    const wished = minorVersion > 0 ? !section.close : section.keepAlive;
    const mayGoOn = ++this.#requests < settings.maxRequests && !draining && !this.isOld(this.#startedAt);
    return mayGoOn && wished && !this.halfClosed;
  }

  #checkContent({ section, minorVersion }: RequestHead): void {
    const { maxBodyBytes } = this.listenerState.settings;
    if (maxBodyBytes > 0 && section.contentLength > maxBodyBytes) throw new ProxyError('request-body-too-large');
    // RFC 9110 10.1.1: a server that cannot meet an expectation answers 417; 100-continue is the only one there is.
    if (section.expect !== '' && section.expect !== '100-continue' && minorVersion > 0)
      throw new ProxyError('expectation-failed');
  }

  #open(request: Request, persistent: boolean): Http1Exchange {
    this.#state = 'exchange';
    this.host.deadlines.clear(this);
    const exchange = new Exchange(this, this.host.snapshot(), request, this.#startedAt);
    const current = new Http1Exchange(this, exchange, persistent);
    this.#current = current;
    return current;
  }

  /** Answers what is no request, or none that may be handled, and closes: nothing behind it can be trusted. */
  #refuse(request: Request, error: ProxyError): void {
    this.#head?.reset();
    this.#open(request, false).refuse(error);
  }

  /** A client that leaves in the middle of a head is in the records too. */
  #recordUnfinished(): void {
    const error = new ProxyError('client-closed', 'the head is incomplete');
    const exchange = new Exchange(this, this.host.snapshot(), unreadableRequest(this.secure), this.#startedAt);
    exchange.blame(error);
    exchange.status = error.status;
    this.host.record(exchange, this.listenerState.series);
  }

  /** RFC 9112 9.6: closes the writing side first and reads on for a while, so that no reset destroys the response. */
  #linger(): void {
    this.#state = 'lingering';
    this.#pipelined = undefined;
    this.stream.end();
    this.host.deadlines.set(this, LINGER_MS);
    if (this.halfClosed || this.#endedBehind) this.stream.closeWhenSent();
    else this.stream.resume();
  }
}
