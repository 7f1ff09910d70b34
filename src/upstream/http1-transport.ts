// Sends requests to one endpoint over HTTP/1.1.
import type { Exchange } from '#model/exchange.ts';
import type { Attempt, AttemptListener, Endpoint, Transport, Upstream } from '#model/upstream.ts';
import type { EndpointPool } from './endpoint-pool.ts';
import { Http1Attempt } from './http1-attempt.ts';

export class Http1Transport implements Transport {
  readonly pool: EndpointPool;

  constructor(pool: EndpointPool) {
    this.pool = pool;
  }

  send(exchange: Exchange, upstream: Upstream, endpoint: Endpoint, listener: AttemptListener): Attempt {
    const attempt = new Http1Attempt(exchange, upstream, endpoint, this.pool, listener);
    this.pool.assign(attempt);
    return attempt;
  }
}
