// One HTTP/2 connection to an endpoint: joins the session, which knows the protocol, with the socket. Gets requests from its pool,
// drains, closes.
import type { DeadlineEntry } from '#lib/deadlines.ts';
import { type ByteStream, StreamFault, type StreamReceiver } from '#model/byte-stream.ts';
import { ProxyError } from '#model/proxy-error.ts';
import type { TlsFacts } from '#model/tls.ts';
import type { StreamConnection } from '#net/http2-byte-stream.ts';
import { Http2Pulse } from '#net/http2-pulse.ts';
import { countStream } from '#telemetry/series.ts';
import { ClientSession, type RequestStart } from '#wire/http2/client-session.ts';
import type { Http2Error } from '#wire/http2/http2-error.ts';
import type { ErrorName } from '#wire/http2/protocol.ts';
import type { SessionHost } from '#wire/http2/session.ts';
import type { Http2Stream } from '#wire/http2/stream.ts';
import { connectError, faultError, refusedCertificate } from './connection-error.ts';
import { ConnectionLife } from './connection-life.ts';
import type { Http2Attempt } from './http2-attempt.ts';
import type { LossSurroundings } from './http2-loss.ts';
import type { Http2Pool } from './http2-pool.ts';
import type { RequestCarrier } from './http2-request.ts';
import { MAX_FIELDS, MAX_HEAD_BYTES } from './response-reader.ts';

/** What an endpoint may send of one response that nobody has taken. */
const STREAM_WINDOW = 65536;
/** How long the last bytes may take to leave. */
const CLOSING_MS = 5000;

/** opening: until the settings of the endpoint are here; draining: gets no more requests. */
type State = 'opening' | 'open' | 'draining' | 'closing' | 'closed';

export class Http2Connection
  implements StreamReceiver, SessionHost, StreamConnection, RequestCarrier, LossSurroundings
{
  deadline: DeadlineEntry | undefined = undefined;
  /** Whether it has answered any request. */
  isProven = false;
  /** Whether others are to be preferred for the moment. */
  isAvoided = false;
  readonly session: ClientSession;
  readonly #pool: Http2Pool;
  readonly #life: ConnectionLife;
  readonly #generation: number;
  readonly #pulse: Http2Pulse;
  readonly #maxStreams: number;
  #stream!: ByteStream;
  #state: State = 'opening';
  /** Whether the endpoint is spoken to. */
  #isStarted = false;
  /** Whether the endpoint has said GOAWAY, without an error. */
  #endsInOrder = false;
  /** Whether something has come since it last had no streams. */
  #heard = false;
  /** Attempts whose response may come out whole of the present read. */
  readonly #holding: Http2Attempt[] = [];

  constructor(pool: Http2Pool) {
    this.#pool = pool;
    const { clock, random, deadlines } = pool.host;
    this.#life = new ConnectionLife(clock, random);
    this.#generation = pool.connector.generation;
    this.#maxStreams = pool.settings.streams;
    this.#pulse = new Http2Pulse(
      { ping: () => this.session.ping(), isDead: () => this.#die() },
      deadlines,
      () => pool.settings,
    );
    this.session = new ClientSession(this, {
      maxStreams: this.#maxStreams,
      streamWindow: STREAM_WINDOW,
      // Clients that are slow to take their responses do not keep others waiting.
      connectionWindow: STREAM_WINDOW * this.#maxStreams,
      maxHeadBytes: MAX_HEAD_BYTES,
      maxFields: MAX_FIELDS,
    });
  }

  /** Opens the connection. */
  open(connectMs: number): void {
    this.#pool.host.deadlines.set(this, connectMs);
    this.#stream = this.#pool.connector.connect({
      receiver: this,
      connected: () => this.#connected(),
      alpn: this.#pool.alpn,
    });
  }

  /** How many more requests it takes at the moment. */
  get free(): number {
    if (this.#state !== 'open' || this.isAvoided || this.session.isBlocked) return 0;
    return Math.min(this.session.freeStreams, this.#maxStreams - this.session.streams.size);
  }

  /** Whether it is not to get another request. */
  get isWornOut(): boolean {
    return this.#generation !== this.#pool.connector.generation || this.#life.isOver(this.#pool.settings);
  }

  /** Whether it had better get no other request, if there is another connection for that: see `ResetMeter`. */
  get isStrained(): boolean {
    return this.session.isStrained;
  }

  get isIdle(): boolean {
    return this.session.streams.size === 0;
  }

  get isSecure(): boolean {
    return this.#stream.tls !== undefined;
  }

  get allowsConnectProtocol(): boolean {
    return this.session.peer.allowsConnectProtocol;
  }

  /** The largest list of fields that the endpoint takes. */
  get maxListBytes(): number {
    return this.session.peer.maxHeaderListBytes;
  }

  get isStale(): boolean {
    return !this.#heard && this.isProven;
  }

  /**
   * That it answers none on this connection an endpoint may go on saying for ever; a last stream that GOAWAY names tells of a request that
   * was taken only where it is another one, and not this one, refused as well.
   */
  endsInOrderFor(streamId: number): boolean {
    const { lastUsableStreamId } = this.session;
    return this.#endsInOrder && (this.isProven || (lastUsableStreamId > 0 && streamId > lastUsableStreamId));
  }

  get tls(): TlsFacts | undefined {
    return this.#stream.tls;
  }

  get remoteAddress(): string {
    return this.#stream.remoteAddress;
  }

  get remotePort(): number {
    return this.#stream.remotePort;
  }

  get localAddress(): string {
    return this.#stream.localAddress;
  }

  get localPort(): number {
    return this.#stream.localPort;
  }

  /** Opens a stream; to be called when there are `free` ones. */
  request(head: RequestStart, endStream: boolean, attempt: Http2Attempt): Http2Stream {
    this.#life.requests++;
    countStream(this.#pool.series, 1);
    if (this.session.streams.size === 0) {
      this.#heard = false;
      this.#pool.host.deadlines.clear(this);
    }
    return this.session.request(head, endStream, attempt);
  }

  /** The attempt is to be settled when the present read has been passed on. */
  holds(attempt: Http2Attempt): void {
    this.#holding.push(attempt);
  }

  /** A stream that `request` gave is no more. */
  streamEnded(): void {
    countStream(this.#pool.series, -1);
    if (this.#state === 'open') this.#pool.freed(this);
    else if (this.#state === 'draining' && this.isIdle) this.close();
  }

  /** Waits for requests, for at most `idleTimeoutMs`. */
  rest(idleTimeoutMs: number): void {
    this.#pool.host.deadlines.set(this, idleTimeoutMs);
  }

  /** Something has not come that should have: finds out whether the connection is dead. */
  suspect(): void {
    if (this.#state === 'open' || this.#state === 'draining') this.#pulse.suspect();
  }

  /** Gets no more requests, and closes when those that it has are done. */
  drain(): void {
    if (this.#state !== 'open') return;
    this.#state = 'draining';
    this.#pool.left(this);
    if (this.isIdle) this.close();
  }

  /** Closes in order; there must be no streams. */
  close(): void {
    if (this.#state === 'closing' || this.#state === 'closed') return;
    const wasOpen = this.#state === 'open';
    this.#state = 'closing';
    this.#pulse.stop();
    // RFC 9113 6.8: "Endpoints SHOULD always send a GOAWAY frame before closing a connection".
    if (!this.session.over) this.session.goAway('NO_ERROR', 0);
    this.session.flush();
    this.#stream.closeWhenSent();
    this.#pool.host.deadlines.set(this, CLOSING_MS);
    if (wasOpen) this.#pool.left(this);
  }

  onDeadline(): void {
    if (this.#state === 'opening') this.#failOpening(new ProxyError('connection_timeout'));
    else if (this.#state === 'closing') this.#stream.abort();
    else if (this.isIdle) this.close();
  }

  // What the socket tells.

  bytes(buffer: Buffer, length: number): boolean {
    if (this.#state === 'closing' || this.#state === 'closed') return false;
    this.#heard = true;
    this.#pulse.heard();
    this.session.receive(buffer, 0, length);
    const holding = this.#holding;
    if (holding.length > 0) {
      for (const attempt of holding) attempt.settle();
      holding.length = 0;
    }
    return true;
  }

  drained(): void {
    this.session.drained();
    if (this.#state === 'open') this.#pool.freed(this);
  }

  /** The endpoint sends no more: no stream can come to a good end. */
  ended(): void {
    this.#stream.abort();
  }

  closed(error: NodeJS.ErrnoException | undefined): void {
    const { host } = this.#pool;
    const before = this.#state;
    this.#state = 'closed';
    host.deadlines.clear(this);
    this.#pulse.stop();
    const fault = error instanceof StreamFault ? faultError(error, host.log) : undefined;
    if (before === 'opening') this.#pool.openFailed(fault ?? this.#openError(error));
    if (before === 'open') this.#pool.left(this);
    this.session.closed(error?.message ?? 'the endpoint has closed the connection');
    this.#pool.gone();
  }

  // What the session asks and tells.

  write(bytes: Uint8Array): boolean {
    return this.#stream.write(bytes);
  }

  wantsFlush(): void {
    this.#pool.host.turnEnd.add(this);
  }

  flush(): void {
    if (this.#state !== 'closed' && this.#state !== 'closing') this.session.flush();
  }

  now(): number {
    return this.#pool.host.clock.now();
  }

  failed(error: Http2Error): void {
    if (this.#state === 'opening') {
      this.#failOpening(speaksOtherwise(error.message));
      return;
    }
    this.#pool.warn('an endpoint has broken the rules of HTTP/2', { kind: error.kind, reason: error.message });
    this.close();
  }

  goneAway(code: ErrorName, debug: string): void {
    this.#endsInOrder = code === 'NO_ERROR';
    if (code === 'HTTP_1_1_REQUIRED') this.#pool.requireHttp1();
    if (code !== 'NO_ERROR') this.#pool.warn('an endpoint ends a connection', { code, reason: debug });
    if (this.#state === 'opening')
      this.#failOpening(
        new ProxyError('connection_terminated', `GOAWAY ${code}`, { retryable: 'always', unprocessed: true }),
      );
    else this.drain();
  }

  settled(): void {
    if (this.#state === 'open') this.#pool.freed(this);
    if (this.#state !== 'opening') return;
    this.#state = 'open';
    this.#pool.host.deadlines.clear(this);
    this.#pulse.start();
    this.#pool.opened(this);
  }

  /** Attempts tell when streams end. */
  idle(): void {}

  pinged(): void {}

  /** The attempt whose stream it was says what was wrong. */
  breached(): void {}

  /** The connection stands, with TLS when that was asked for. */
  #connected(): void {
    if (this.#stream.tls && this.#stream.tls.alpn !== 'h2') {
      this.#state = 'closed';
      this.#pool.host.deadlines.clear(this);
      this.#pool.speaksHttp1(this.#stream);
      return;
    }
    this.#isStarted = true;
    this.session.start();
    // The endpoint may wait for these.
    this.session.flush();
  }

  #openError(error: NodeJS.ErrnoException | undefined): ProxyError {
    if (!this.#isStarted) return connectError(error);
    return refusedCertificate(error) ?? speaksOtherwise('it has closed the connection');
  }

  #failOpening(error: ProxyError): void {
    this.#state = 'closed';
    this.#pool.host.deadlines.clear(this);
    this.#stream.abort();
    this.#pool.openFailed(error);
  }

  /** Nothing comes any more. */
  #die(): void {
    this.#pool.warn('an endpoint answers no PING: the connection is dead', {});
    const wasOpen = this.#state === 'open';
    this.#state = 'closed';
    if (wasOpen) this.#pool.left(this);
    this.session.closed('the endpoint has not answered a PING');
    this.#stream.abort();
  }
}

/** Nothing was sent but the preface, which no server of another protocol takes for a request. */
function speaksOtherwise(reason: string): ProxyError {
  return new ProxyError('http_protocol_error', `the endpoint does not speak HTTP/2: ${reason}`, {
    retryable: 'always',
  });
}
