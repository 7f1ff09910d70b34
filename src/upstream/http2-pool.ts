// The HTTP/2 connections of one worker to one endpoint, as many as its requests need: which takes the next one, who waits. Limits and
// counts of connections are those of EndpointPool.
import { Queue } from '#lib/queue.ts';
import type { ByteStream } from '#model/byte-stream.ts';
import { ProxyError } from '#model/proxy-error.ts';
import type { PoolSettings } from '#model/upstream.ts';
import { countWaiting } from '#telemetry/series.ts';
import type { EndpointConnector } from './endpoint-connector.ts';
import type { EndpointPool, PoolHost } from './endpoint-pool.ts';
import { Http1Attempt } from './http1-attempt.ts';
import type { Http2Attempt } from './http2-attempt.ts';
import { Http2Connection } from './http2-connection.ts';

const HTTP2 = ['h2'];
const ANY = ['h2', 'http/1.1'];

/** How long an endpoint that has asked for HTTP/1.1 gets it. */
const HTTP1_MS = 300_000;
/** How often a connection without any stream is given up for refusing one: an endpoint that refuses all is not to be dialled all the time. */
const REPLACE_MS = 1000;

export class Http2Pool {
  readonly #pool: EndpointPool;
  /** Those that take requests, the oldest first: it gets as many as it takes, so that the others become idle when there are few. */
  readonly #connections: Http2Connection[] = [];
  readonly #waiting = new Queue<Http2Attempt>();
  #opening = 0;
  #retired = false;
  /** Whether the endpoint has chosen HTTP/1.1 when it was last asked. */
  #isHttp1 = false;
  /** Until when the endpoint gets HTTP/1.1, as it has asked for it. */
  #http1Until = Number.NEGATIVE_INFINITY;
  /** The connection that was the last to refuse a stream. */
  #refusing: Http2Connection | undefined = undefined;
  #replacedAt = Number.NEGATIVE_INFINITY;

  constructor(pool: EndpointPool) {
    this.#pool = pool;
  }

  get host(): PoolHost {
    return this.#pool.host;
  }

  get settings(): PoolSettings {
    return this.#pool.settings;
  }

  get connector(): EndpointConnector {
    return this.#pool.connector;
  }

  get series() {
    return this.#pool.series;
  }

  get alpn(): readonly string[] {
    return this.settings.protocol === 'auto' ? ANY : HTTP2;
  }

  /** Whether the endpoint has chosen HTTP/1.1; asked again when no connection is left. */
  get isHttp1(): boolean {
    if (this.#isHttp1 && this.#pool.connections === 0) this.#isHttp1 = false;
    return this.#isHttp1;
  }

  /** Whether the endpoint, which takes HTTP/2, has asked for HTTP/1.1. */
  get wantsHttp1(): boolean {
    return this.#http1Until > 0 && this.host.clock.now() < this.#http1Until;
  }

  /** Whether there is a connection that takes WebSockets. */
  get takesWebSockets(): boolean {
    return this.#connections.some(({ allowsConnectProtocol, free }) => allowsConnectProtocol && free > 0);
  }

  /** Gives the attempt a stream, now or as soon as there is one; fails it when too many wait already. */
  assign(attempt: Http2Attempt): void {
    if (attempt.ended) return;
    const refusing = attempt.exchange.needsFreshConnection ? this.#avoidRefusing() : undefined;
    let connection = this.#free();
    if (!connection && this.#waiting.size >= this.#expected) this.#grow(attempt);
    if (refusing && this.#opening === 0) {
      // Either another one has room, or there is nothing else to be had.
      refusing.isAvoided = false;
      connection ??= this.#free();
    }
    if (connection) {
      attempt.start(connection);
      return;
    }
    const surplus = this.#waiting.size - this.#expected;
    if (surplus < 0) {
      this.#waiting.push(attempt);
      attempt.wait('opening');
    } else if (surplus < this.settings.maxWaiting) {
      this.#waiting.push(attempt);
      attempt.wait('turn');
      countWaiting(this.series, 1);
    } else {
      attempt.fail(new ProxyError('connection_limit_reached', 'all streams are in use and the waiting queue is full'));
    }
  }

  /** Takes an attempt that gave up out of the queue. */
  withdraw(attempt: Http2Attempt): void {
    this.#waiting.remove(attempt);
    this.#unqueue(attempt);
  }

  /** The endpoint is no longer part of the configuration: closes what is idle, and all others when they are done. */
  retire(): void {
    this.#retired = true;
    for (const connection of [...this.#connections]) connection.drain();
  }

  /** The endpoint is part of the configuration again. */
  revive(): void {
    this.#retired = false;
  }

  // What connections tell.

  /** A connection takes requests. */
  opened(connection: Http2Connection): void {
    this.#opening--;
    this.#connections.push(connection);
    this.freed(connection);
    this.#avoidNone();
    this.#serve();
  }

  /** A connection never came to take requests; `gone` is called for it as well. */
  openFailed(error: ProxyError): void {
    this.#opening--;
    this.#avoidNone();
    if (this.#opening > 0 || this.#connections.length > 0) return;
    for (const attempt of this.#dismissAll()) attempt.fail(error);
  }

  /** There may be room on a connection. */
  freed(connection: Http2Connection): void {
    this.#serve();
    if (!connection.isIdle) return;
    const { maxIdle, idleTimeoutMs } = this.settings;
    const idle = this.#connections.reduce((count, { isIdle }) => count + (isIdle ? 1 : 0), 0);
    if (this.#retired || idle > maxIdle || connection.isWornOut) connection.drain();
    else connection.rest(idleTimeoutMs);
  }

  /** A connection takes no more requests. */
  left(connection: Http2Connection): void {
    const at = this.#connections.indexOf(connection);
    if (at >= 0) this.#connections.splice(at, 1);
    if (this.#refusing === connection) this.#refusing = undefined;
    this.#serve();
  }

  /** A connection is gone. */
  gone(): void {
    this.#pool.dismiss();
    this.#serve();
  }

  /** By ALPN the endpoint has chosen HTTP/1.1: who waits goes on with that, on this connection first. */
  speaksHttp1(stream: ByteStream): void {
    if (this.settings.protocol !== 'auto') {
      this.openFailed(new ProxyError('tls_protocol_error', 'the endpoint does not offer HTTP/2'));
      stream.abort();
      return;
    }
    this.#opening--;
    this.#avoidNone();
    this.#isHttp1 = true;
    const attempts = this.#dismissAll().map((attempt) => this.#inHttp1(attempt));
    this.#pool.adopt(stream, attempts.shift());
    for (const attempt of attempts) this.#pool.assign(attempt);
  }

  /** The connection has refused a stream: who is sent again because of that takes another one. */
  refusedBy(connection: Http2Connection): void {
    if (this.#connections.includes(connection)) this.#refusing = connection;
  }

  /** The endpoint asks for HTTP/1.1; returns whether it gets it. */
  requireHttp1(): boolean {
    if (this.settings.protocol !== 'auto') return false;
    this.#http1Until = this.host.clock.now() + HTTP1_MS;
    return true;
  }

  warn(message: string, fields: Readonly<Record<string, unknown>>): void {
    const { host, port, socketPath } = this.connector.target;
    this.host.log.warn(message, { endpoint: socketPath === '' ? `${host}:${port}` : `unix:${socketPath}`, ...fields });
  }

  /** How many of those that wait the connections that are being opened will take. */
  get #expected(): number {
    return this.#opening * this.settings.streams;
  }

  /** Opens another connection, if there may be one, for an attempt that none of the others has room for. */
  #grow({ upstream }: Http2Attempt): void {
    // An endpoint that takes no streams at the moment takes none on another connection either.
    if (this.#connections.some(({ session }) => session.peer.maxStreams === 0) || !this.#pool.admit()) return;
    this.#opening++;
    new Http2Connection(this).open(upstream.timeouts.connectMs);
  }

  /**
   * Keeps the connection that has refused a stream from getting it again: one with other streams until another connection stands, or could
   * not be opened; one without any is of no use. Returns the former.
   */
  #avoidRefusing(): Http2Connection | undefined {
    const refusing = this.#refusing;
    this.#refusing = undefined;
    if (!refusing) return undefined;
    if (!refusing.isIdle) {
      refusing.isAvoided = true;
      return refusing;
    }
    const now = this.host.clock.now();
    if (now - this.#replacedAt < REPLACE_MS) return undefined;
    this.#replacedAt = now;
    refusing.drain();
    return undefined;
  }

  #avoidNone(): void {
    for (const connection of this.#connections) connection.isAvoided = false;
  }

  #free(): Http2Connection | undefined {
    for (let at = 0; at < this.#connections.length; ) {
      const connection = this.#connections[at] as Http2Connection;
      if (!connection.isWornOut && !(connection.isStrained && this.#pool.hasRoom)) {
        if (connection.free > 0) return connection;
        at++;
      } else {
        this.#connections.splice(at, 1);
        connection.drain();
      }
    }
    return undefined;
  }

  /** Gives who waits what there is, and opens connections for who is left. */
  #serve(): void {
    for (let next = this.#waiting.first; next; next = this.#waiting.first) {
      const connection = this.#free();
      if (!connection) break;
      this.withdraw(next);
      next.start(connection);
    }
    const { first } = this.#waiting;
    if (first && this.#waiting.size > this.#expected) this.#grow(first);
  }

  /** Empties the queue; returns who stood there. */
  #dismissAll(): Http2Attempt[] {
    const attempts: Http2Attempt[] = [];
    for (let next = this.#waiting.first; next; next = this.#waiting.first) {
      this.withdraw(next);
      attempts.push(next);
    }
    return attempts;
  }

  #unqueue(attempt: Http2Attempt): void {
    this.host.deadlines.clear(attempt);
    if (attempt.awaits === 'turn') countWaiting(this.series, -1);
    attempt.awaits = undefined;
  }

  #inHttp1(attempt: Http2Attempt): Http1Attempt {
    const { exchange, upstream, endpoint, listener } = attempt;
    const successor = new Http1Attempt(exchange, upstream, endpoint, this.#pool, listener);
    attempt.handOver(successor);
    return successor;
  }
}
