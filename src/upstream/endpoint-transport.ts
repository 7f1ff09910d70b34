// Sends what exchanges have for one endpoint: requests over HTTP/1.1 or HTTP/2, as the settings or the endpoint want it, connections of TCP
// listeners and sessions of UDP ones as they are.
import type { Exchange } from '#model/exchange.ts';
import type { Attempt, AttemptListener, Endpoint, PoolSettings, Transport, Upstream } from '#model/upstream.ts';
import type { EndpointPool } from './endpoint-pool.ts';
import { Http1Attempt } from './http1-attempt.ts';
import { Http2Attempt } from './http2-attempt.ts';
import { Http2Pool } from './http2-pool.ts';
import { TcpAttempt } from './tcp-attempt.ts';
import { UdpAttempt } from './udp-attempt.ts';

export class EndpointTransport implements Transport {
  readonly #pool: EndpointPool;
  /** Made when it is needed. */
  #http2: Http2Pool | undefined = undefined;

  constructor(pool: EndpointPool) {
    this.#pool = pool;
  }

  send(exchange: Exchange, upstream: Upstream, endpoint: Endpoint, listener: AttemptListener): Attempt {
    const { version } = exchange.request;
    const pool = this.#pool;
    if (version === 'tcp' || version === 'udp') {
      const OwnAttempt = version === 'tcp' ? TcpAttempt : UdpAttempt;
      const attempt = new OwnAttempt(exchange, upstream, endpoint, pool, listener);
      attempt.start();
      return attempt;
    }
    const http2 = pool.settings.protocol === 'http1' ? undefined : this.#http2For(exchange);
    if (http2) {
      const attempt = new Http2Attempt(exchange, upstream, endpoint, http2, listener);
      http2.assign(attempt);
      return attempt;
    }
    const attempt = new Http1Attempt(exchange, upstream, endpoint, pool, listener);
    pool.assign(attempt);
    return attempt;
  }

  /** See `EndpointPool.retire`. */
  retire(): void {
    this.#pool.retire();
    this.#http2?.retire();
  }

  /** See `EndpointPool.revive`. */
  revive(settings: PoolSettings): void {
    const { protocol } = this.#pool.settings;
    this.#pool.revive(settings);
    if (settings.protocol === protocol) this.#http2?.revive();
    else this.#changeProtocol();
  }

  /** The pool for the exchange; `undefined` where it goes over HTTP/1.1. */
  #http2For({ request, grpc }: Exchange): Http2Pool | undefined {
    this.#http2 ??= new Http2Pool(this.#pool);
    const http2 = this.#http2;
    if (this.#pool.settings.protocol === 'http2') return http2;
    if (http2.isHttp1 || (http2.wantsHttp1 && grpc === undefined)) return undefined;
    // RFC 9113 8.6: HTTP/2 has no Upgrade; what takes its place is an extension, and for WebSockets alone.
    return request.upgrade === '' || http2.takesWebSockets ? http2 : undefined;
  }

  /** Connections of the former protocol get no more requests. */
  #changeProtocol(): void {
    this.#http2?.retire();
    this.#http2 = undefined;
    this.#pool.closeIdle();
  }
}
