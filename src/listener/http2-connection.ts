// One HTTP/2 client connection: joins the session, which knows the protocol, with the socket, and starts an exchange a stream. Idles,
// drains, closes.
import type { Deadlined, DeadlineEntry, Deadlines } from '#lib/deadlines.ts';
import type { ByteStream, StreamReceiver } from '#model/byte-stream.ts';
import { Exchange } from '#model/exchange.ts';
import { ProxyError } from '#model/proxy-error.ts';
import { Http2Pulse } from '#net/http2-pulse.ts';
import type { OpenTunnel } from '#net/open-tunnel.ts';
import type { BreachKind, Http2Error } from '#wire/http2/http2-error.ts';
import type { RequestFields } from '#wire/http2/request-fields.ts';
import { type ServerHost, ServerSession } from '#wire/http2/server-session.ts';
import type { Http2Stream } from '#wire/http2/stream.ts';
import { ClientStream } from './client-stream.ts';
import { graceful } from './drain-grace.ts';
import { Http2Exchange } from './http2-exchange.ts';
import { completeHttp2Request, emptyHttp2Request } from './http2-request.ts';
import type { AcceptedConnection, ListenerHost, ListenerState } from './listener-host.ts';
import { answerMalformed, type MalformedStream, type MalformedStreams } from './malformed-stream.ts';
import { unreadableRequest } from './request-parts.ts';

/** How long and how much to go on reading behind the last frame of ours, so that the client gets to read it. */
const LINGER_MS = 2000;
/**
 * How long a client that has been told to go elsewhere may take to close. It knows best when it has read all; there are those that drop
 * what they have not read when the connection is closed on them.
 */
const CLOSE_MS = 2000;
const MAX_LINGER_BYTES = 1048576;
/** How long a client may take to know that it is to open no more streams (RFC 9113 6.8: "at least one round-trip time"). */
const DRAIN_MS = 1000;

/**
 * How often a client that has closed its side is told again that no more streams count: nothing is read of it any more, so that only what is
 * written shows whether it has gone altogether. GOAWAY wants no answer, and may be sent more than once (RFC 9113 6.8).
 */
const PROBE_MS = 1000;

type Awaited = 'settings' | 'request' | 'rest of a frame' | 'client' | 'drain' | 'close' | 'responses' | 'nothing';

/**
 * open: streams come and go; draining: GOAWAY with the highest number was sent; ending: no further stream counts; lingering: our side
 * is closed.
 */
type State = 'open' | 'draining' | 'ending' | 'lingering' | 'closed';

export class Http2Connection
  extends ClientStream
  implements StreamReceiver, Deadlined, AcceptedConnection, ServerHost, MalformedStreams
{
  deadline: DeadlineEntry | undefined = undefined;
  readonly stream: ByteStream;
  readonly session: ServerSession;
  /** Those that streams have become. */
  readonly tunnels = new Set<OpenTunnel>();
  readonly malformedStreams = new Set<MalformedStream>();
  /** Whether the client has closed its side; it may still read. */
  #halfClosed = false;
  readonly #onClosed: (connection: AcceptedConnection) => void;
  #state: State = 'open';
  #requests = 0;
  /** `Clock.now` when the last octets came: the start of all requests that they hold. */
  #heardAt = 0;
  #lingered = 0;
  /** Asks a client with streams for signs of life; `undefined` where nobody wants to know. */
  readonly #pulse: Http2Pulse | undefined;
  /** PING frames that were sent and not answered: answers come in their order. */
  #pings = 0;
  /** How many of those were sent up to the one that tells of the end. */
  #pingsToDrain = 0;
  /** What the present deadline is for. */
  #awaits: Awaited = 'nothing';

  constructor(
    open: (receiver: StreamReceiver) => ByteStream,
    listener: ListenerState,
    host: ListenerHost,
    onClosed: (connection: AcceptedConnection) => void,
  ) {
    super(listener, host);
    this.#onClosed = onClosed;
    const { maxHeadBytes, maxFields, http2 } = listener.settings;
    this.session = new ServerSession(this, { ...http2, maxHeadBytes, maxFields });
    this.#pulse =
      http2.pingIntervalMs === undefined
        ? undefined
        : new Http2Pulse({ ping: () => this.#ping(), isDead: () => this.stream.abort() }, host.deadlines, () => http2);
    this.stream = open(this);
    this.session.start();
    this.#watch();
    if (listener.draining) this.drain();
  }

  get deadlines(): Deadlines {
    return this.host.deadlines;
  }

  get isDraining(): boolean {
    return this.#state !== 'open';
  }

  /** Tells the client to go elsewhere; what is under way ends in its time. One that is about to begin is told behind its first request. */
  drain(): void {
    if (this.#state !== 'open') return;
    if (!this.session.isSettled) {
      this.host.deadlines.set(this, graceful(this.listenerState.settings.headTimeoutMs, this.listenerState));
      return;
    }
    this.#state = 'draining';
    this.session.announceEnd();
    this.#pings++;
    this.#pingsToDrain = this.#pings;
    for (const tunnel of this.tunnels) tunnel.drain();
    this.#watch();
  }

  abort(): void {
    this.isCutOff = true;
    this.stream.abort();
  }

  /** Why a stream is gone that the client has not ended by itself. */
  lossOf(reason: string): ProxyError {
    return this.isCutOff ? this.closeReason(undefined) : new ProxyError('client-closed', reason);
  }

  bytes(buffer: Buffer, length: number): boolean {
    if (this.#state === 'lingering') {
      this.#lingered += length;
      if (this.#lingered > MAX_LINGER_BYTES) this.stream.abort();
      return true;
    }
    this.#heardAt = this.clock.now();
    this.#pulse?.heard();
    this.session.receive(buffer, 0, length);
    this.#watch();
    return true;
  }

  drained(): void {
    if (this.#state === 'lingering') {
      // What it had to take first was its own time.
      this.host.deadlines.set(this, LINGER_MS);
      return;
    }
    // What it has to take next has its own time.
    if (this.#awaits === 'client') this.#await('nothing', 0);
    this.session.drained();
    this.#watch();
  }

  /** The client sends no more, over TLS by close_notify. Like one of HTTP/1.1, it may wait for what it has asked for. */
  ended(): void {
    if (this.#state === 'lingering' || this.#state === 'closed') return;
    this.#halfClosed = true;
    this.#pulse?.stop();
    if (this.session.streams.size === 0) {
      this.#watch();
    } else if (this.session.isInFrame) {
      // Nobody ends in the middle of a frame who still cares.
      this.stream.abort();
    } else {
      this.#state = 'ending';
      for (const malformed of [...this.malformedStreams]) malformed.end();
      this.session.clientEnded();
      this.#watch();
    }
  }

  closed(error: NodeJS.ErrnoException | undefined): void {
    this.#state = 'closed';
    const reason = this.closeReason(error);
    this.session.closed(reason.message);
    this.host.deadlines.clear(this);
    this.#pulse?.stop();
    this.#onClosed(this);
  }

  onDeadline(): void {
    switch (this.#awaits) {
      case 'request':
        this.drain();
        return;
      case 'drain':
        this.#endStreams();
        return;
      case 'close':
        this.#linger();
        return;
      case 'responses':
        this.session.endStreams();
        this.host.deadlines.set(this, PROBE_MS);
        return;
      default:
        // Without its settings, in the middle of a frame, or deaf: nothing that we could say would be heard.
        this.stream.abort();
    }
  }

  // What the session asks and tells.

  write(bytes: Uint8Array): boolean {
    return this.stream.write(bytes);
  }

  wantsFlush(): void {
    this.host.turnEnd.add(this);
  }

  flush(): void {
    if (this.#state === 'closed') return;
    this.session.flush();
    if (this.session.isBlocked || this.#halfClosed) this.#watch();
  }

  now(): number {
    return this.clock.now();
  }

  requested(stream: Http2Stream, fields: RequestFields, isTooLarge: boolean): void {
    this.#opened();
    const { snapshot, settings } = this.#surroundings();
    const request = emptyHttp2Request(fields, this.secure, !stream.remoteEnded);
    const exchange = new Exchange(this, snapshot, request, this.#heardAt);
    const started = new Http2Exchange(this, exchange, stream);
    stream.owner = started;
    try {
      if (isTooLarge || fields.count > settings.maxFields) throw new ProxyError('request-head-too-large');
      if ((fields.path?.length ?? 0) > settings.maxTargetBytes) throw new ProxyError('request-target-too-long');
      const { allowEncodedSlash } = snapshot.forwarding;
      completeHttp2Request(request, fields, { secure: this.secure, allowEncodedSlash });
      this.checkDirected(request);
      this.#checkContent(fields);
    } catch (error) {
      started.refuse(
        error instanceof ProxyError ? error : new ProxyError('proxy_internal_error', undefined, { cause: error }),
      );
      return;
    }
    started.start();
    const isLast = ++this.#requests >= settings.maxRequests || this.isOld(this.#heardAt);
    if (isLast || this.listenerState.draining) this.drain();
  }

  malformed(stream: Http2Stream, fields: RequestFields): boolean {
    this.#opened();
    const error = new ProxyError('http_request_error', fields.malformed);
    this.host.breached('PROTOCOL_ERROR');
    const request = { ...unreadableRequest(this.secure), version: '2' as const, method: fields.method };
    const exchange = new Exchange(this, this.host.snapshot(), request, this.#heardAt);
    exchange.blame(error);
    const isAnswered = answerMalformed(stream, exchange, this.host.answer(error, exchange), this);
    this.host.record(exchange, this.listenerState.series);
    return isAnswered;
  }

  spoilt({ owner }: Http2Stream, reason: string): boolean {
    return owner instanceof Http2Exchange && owner.explain(new ProxyError('http_request_error', reason));
  }

  breached(kind: BreachKind): void {
    this.host.breached(kind);
  }

  failed(error: Http2Error): void {
    this.host.breached(error.kind);
    this.host.log.debug('an HTTP/2 connection was ended for a breach of the protocol', {
      listener: this.listener,
      client: this.remoteAddress,
      code: error.code,
      kind: error.kind,
      reason: error.message,
    });
    this.#linger();
  }

  goneAway(): void {}

  settled(): void {}

  idle(): void {
    this.#pulse?.stop();
    this.#watch();
  }

  pinged(): void {
    this.#pings = Math.max(0, this.#pings - 1);
    if (this.#state === 'draining' && --this.#pingsToDrain === 0) this.#endStreams();
  }

  /** There is another stream. */
  #opened(): void {
    if (this.session.streams.size === 1) this.#pulse?.start();
  }

  #surroundings() {
    return { snapshot: this.host.snapshot(), settings: this.listenerState.settings };
  }

  #checkContent({ contentLength, expect }: RequestFields): void {
    const { maxBodyBytes } = this.listenerState.settings;
    if (maxBodyBytes > 0 && contentLength > maxBodyBytes) throw new ProxyError('request-body-too-large');
    // RFC 9110 10.1.1: a server that cannot meet an expectation answers 417; 100-continue is the only one there is.
    if (expect !== '' && expect !== '100-continue') throw new ProxyError('expectation-failed');
  }

  #ping(): void {
    this.#pings++;
    this.session.ping();
  }

  /** The client knows, or had the time to, that it is to open no more. */
  #endStreams(): void {
    if (this.#state !== 'draining') return;
    this.#state = 'ending';
    this.session.endStreams();
    this.#watch();
  }

  /** Sends what there is and closes our side; reads on for a while, so that no reset destroys what the client has not read. */
  #linger(): void {
    if (this.#state === 'lingering' || this.#state === 'closed') return;
    this.#state = 'lingering';
    this.session.flush();
    this.stream.end();
    this.#await('client', LINGER_MS);
  }

  /** Sets the deadline that fits what the connection waits for. */
  #watch(): void {
    const { settings } = this.listenerState;
    const { session } = this;
    if (this.#state === 'lingering' || this.#state === 'closed') return;
    if (this.#halfClosed && session.streams.size === 0) {
      session.flush();
      if (session.isBlocked) this.#await('client', settings.sendTimeoutMs);
      else this.#linger();
      return;
    }
    if (!session.isSettled) this.#await('settings', settings.headTimeoutMs);
    else if (session.isBlocked) this.#await('client', settings.sendTimeoutMs);
    else if (session.block.streamId !== 0) this.#await('rest of a frame', settings.headTimeoutMs);
    else if (this.#state === 'draining') this.#await('drain', DRAIN_MS);
    else if (this.#state === 'ending' && session.streams.size === 0) this.#await('close', CLOSE_MS);
    else if (this.#halfClosed) this.#await('responses', PROBE_MS);
    else if (session.streams.size > 0) this.#await('nothing', 0);
    else if (session.isInFrame) this.#await('rest of a frame', settings.headTimeoutMs);
    else this.#await('request', graceful(settings.keepAliveTimeoutMs, this.listenerState));
  }

  /** Begins to wait for something, unless it does so already. */
  #await(what: Awaited, ms: number): void {
    if (this.#awaits === what) return;
    this.#awaits = what;
    if (what === 'nothing') this.host.deadlines.clear(this);
    else this.host.deadlines.set(this, ms);
  }
}
