// One try to open a connection to an endpoint for a TCP listener: the connection is nobody's but this exchange's, and is joined with
// the client's as it is.
import { Fields } from '#http/fields.ts';
import type { Deadlined, DeadlineEntry } from '#lib/deadlines.ts';
import { type ByteStream, StreamFault, type StreamReceiver } from '#model/byte-stream.ts';
import type { Exchange } from '#model/exchange.ts';
import { ProxyError } from '#model/proxy-error.ts';
import type { Attempt, AttemptListener, Endpoint, Upstream } from '#model/upstream.ts';
import { writeProxyHeader } from '#wire/proxy-protocol/write-header.ts';
import { connectError, faultError } from './connection-error.ts';
import type { EndpointPool } from './endpoint-pool.ts';

const NOTHING = new Uint8Array(0);

export class TcpAttempt implements Attempt, StreamReceiver, Deadlined {
  deadline: DeadlineEntry | undefined = undefined;
  readonly #exchange: Exchange;
  readonly #upstream: Upstream;
  readonly #endpoint: Endpoint;
  readonly #pool: EndpointPool;
  readonly #listener: AttemptListener;
  #stream: ByteStream | undefined = undefined;
  #state: 'connecting' | 'open' | 'closed' = 'connecting';
  #counted = true;

  constructor(
    exchange: Exchange,
    upstream: Upstream,
    endpoint: Endpoint,
    pool: EndpointPool,
    listener: AttemptListener,
  ) {
    this.#exchange = exchange;
    this.#upstream = upstream;
    this.#endpoint = endpoint;
    this.#pool = pool;
    this.#listener = listener;
    endpoint.cells.begin();
  }

  /** Connects, if the endpoint may have one more connection. */
  start(): void {
    this.#exchange.phase = 'connect';
    if (!this.#pool.admit()) {
      this.#endpoint.cells.end();
      this.#counted = false;
      this.#state = 'closed';
      this.#listener.failed(new ProxyError('connection_limit_reached', 'the connection limit is reached'));
      return;
    }
    this.#pool.host.deadlines.set(this, this.#upstream.timeouts.connectMs);
    const { connector, settings } = this.#pool;
    this.#stream = connector.connect({
      receiver: this,
      connected: () => this.#opened(),
      alpn: settings.tls?.alpn ?? [],
      preface: this.#header(),
    });
  }

  cancel(): void {
    this.#state = 'closed';
    this.#stream?.abort();
  }

  /** Never called: between the connection and its joining lies no turn of the event loop. Bytes here are a fault of ours. */
  bytes(): boolean {
    throw new Error('an endpoint’s bytes came before there was somebody to take them');
  }

  drained(): void {}

  ended(): void {
    this.#stream?.abort();
  }

  closed(error: NodeJS.ErrnoException | undefined): void {
    const before = this.#state;
    this.#state = 'closed';
    this.#leave();
    if (before !== 'connecting') return;
    this.#listener.failed(error instanceof StreamFault ? faultError(error, this.#pool.host.log) : connectError(error));
  }

  onDeadline(): void {
    if (this.#state !== 'connecting') return;
    this.#state = 'closed';
    this.#stream?.abort();
    this.#listener.failed(new ProxyError('connection_timeout'));
  }

  #opened(): void {
    const stream = this.#stream;
    if (this.#state !== 'connecting' || !stream) return;
    this.#state = 'open';
    this.#pool.host.deadlines.clear(this);
    const idleTimeoutMs = this.#upstream.timeouts.tunnelIdleMs;
    this.#listener.responded({
      status: 200,
      reason: '',
      fields: new Fields(),
      length: 0,
      body: undefined,
      tunnel: { protocol: 'tcp', stream, early: NOTHING, idleTimeoutMs, done: () => this.#leave() },
    });
  }

  /** The PROXY protocol header that the connection begins with, if any. */
  #header(): Uint8Array | undefined {
    const version = this.#upstream.sendsProxyHeader;
    if (!version) return undefined;
    const { connection } = this.#exchange;
    const source = { address: connection.remoteAddress, port: connection.remotePort };
    const destination = { address: connection.localAddress, port: connection.localPort };
    return writeProxyHeader(version, source, destination, { tls: connection.tls });
  }

  #leave(): void {
    this.#pool.host.deadlines.clear(this);
    if (!this.#counted) return;
    this.#counted = false;
    this.#endpoint.cells.end();
    this.#pool.dismiss();
  }
}
