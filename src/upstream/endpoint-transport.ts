// Sends what exchanges have for one endpoint: requests over HTTP/1.1, connections of TCP listeners and sessions of UDP ones as they
// are.
import type { Exchange } from '#model/exchange.ts';
import type { Attempt, AttemptListener, Endpoint, Transport, Upstream } from '#model/upstream.ts';
import type { EndpointPool } from './endpoint-pool.ts';
import { Http1Attempt } from './http1-attempt.ts';
import { TcpAttempt } from './tcp-attempt.ts';
import { UdpAttempt } from './udp-attempt.ts';

export class EndpointTransport implements Transport {
  readonly pool: EndpointPool;

  constructor(pool: EndpointPool) {
    this.pool = pool;
  }

  send(exchange: Exchange, upstream: Upstream, endpoint: Endpoint, listener: AttemptListener): Attempt {
    const { version } = exchange.request;
    if (version === 'tcp' || version === 'udp') {
      const OwnAttempt = version === 'tcp' ? TcpAttempt : UdpAttempt;
      const attempt = new OwnAttempt(exchange, upstream, endpoint, this.pool, listener);
      attempt.start();
      return attempt;
    }
    const attempt = new Http1Attempt(exchange, upstream, endpoint, this.pool, listener);
    this.pool.assign(attempt);
    return attempt;
  }
}
