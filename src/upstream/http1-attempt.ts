// One try to get a response from one endpoint: bound to a connection when one is there, ended exactly once.

import { isIdempotent } from '#http/methods.ts';
import type { Exchange } from '#model/exchange.ts';
import type { Response } from '#model/message.ts';
import type { ProxyError } from '#model/proxy-error.ts';
import type { Attempt, AttemptListener, Endpoint, Upstream } from '#model/upstream.ts';
import type { EndpointPool, Waiter } from './endpoint-pool.ts';
import type { OriginConnection } from './origin-connection.ts';

export class Http1Attempt implements Attempt {
  readonly exchange: Exchange;
  readonly upstream: Upstream;
  readonly endpoint: Endpoint;
  /** The connection it runs on; `undefined` while it waits for one. */
  connection: OriginConnection | undefined = undefined;
  /** Its place in the queue of the pool, as long as it has one. */
  waiter: Waiter | undefined = undefined;
  readonly #pool: EndpointPool;
  readonly #listener: AttemptListener;
  #answered = false;
  #ended = false;
  /** Whether a response was given whose content streams. */
  #streams = false;

  constructor(
    exchange: Exchange,
    upstream: Upstream,
    endpoint: Endpoint,
    pool: EndpointPool,
    listener: AttemptListener,
  ) {
    this.exchange = exchange;
    this.upstream = upstream;
    this.endpoint = endpoint;
    this.#pool = pool;
    this.#listener = listener;
    endpoint.cells.begin();
  }

  /** Whether the request may be sent twice without harm (RFC 9110 9.2.2). */
  get repeatable(): boolean {
    const { request } = this.exchange;
    return isIdempotent(request.method) && request.body?.type !== 'stream';
  }

  /** Whether it has its outcome or was given up. */
  get ended(): boolean {
    return this.#ended;
  }

  get waits(): boolean {
    return this.connection === undefined;
  }

  get mayReuse(): boolean {
    return !this.exchange.needsFreshConnection;
  }

  /** See `AttemptListener.requestMoved`. */
  moved(isDue: boolean): void {
    if (!this.#answered) this.#listener.requestMoved(isDue);
  }

  /** The response head is here. */
  respond(response: Response): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#streams = response.body?.type === 'stream';
    this.#listener.responded(response);
  }

  /** There will be no response. */
  fail(error: ProxyError): void {
    this.#end(error);
    if (this.#answered) return;
    this.#answered = true;
    this.#listener.failed(error);
  }

  /** The endpoint has nothing more to do for it. */
  end(): void {
    this.#end(undefined);
  }

  cancel(error: ProxyError): void {
    if (this.#ended) return;
    this.#answered = true;
    if (this.connection) this.connection.cancel(error);
    else this.#pool.withdraw(this);
    this.end();
  }

  #end(error: ProxyError | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.endpoint.cells.end();
    if (this.#streams) this.#listener.contentEnded(error);
  }
}
