// One try to find an endpoint for a UDP session. UDP knows no connection: the endpoint is settled on when it has answered, or has not
// refused for the time that a connection may take. Until then another one may get what the client has sent.
import { Fields } from '#http/fields.ts';
import type { Deadlined, DeadlineEntry } from '#lib/deadlines.ts';
import type { DatagramClient, DatagramEndpoint } from '#model/datagrams.ts';
import type { Exchange } from '#model/exchange.ts';
import { ProxyError } from '#model/proxy-error.ts';
import type { Attempt, AttemptListener, Endpoint, Upstream } from '#model/upstream.ts';
import { type DatagramReceiver, UdpEndpointSocket } from '#net/udp-endpoint-socket.ts';
import { countDatagramReceived, countDatagramSent } from '#telemetry/series.ts';
import { writeProxyHeader } from '#wire/proxy-protocol/write-header.ts';
import { connectError } from './connection-error.ts';
import type { EndpointPool } from './endpoint-pool.ts';

const NO_HEADER: readonly Buffer[] = [];

export class UdpAttempt implements Attempt, DatagramReceiver, DatagramEndpoint, Deadlined {
  deadline: DeadlineEntry | undefined = undefined;
  readonly #exchange: Exchange;
  readonly #client: DatagramClient;
  readonly #upstream: Upstream;
  readonly #endpoint: Endpoint;
  readonly #pool: EndpointPool;
  readonly #listener: AttemptListener;
  /** The PROXY protocol header that each datagram begins with, if any. */
  #header: readonly Buffer[] = NO_HEADER;
  #socket: UdpEndpointSocket | undefined = undefined;
  #state: 'opening' | 'waiting' | 'settled' | 'closed' = 'opening';

  constructor(
    exchange: Exchange,
    upstream: Upstream,
    endpoint: Endpoint,
    pool: EndpointPool,
    listener: AttemptListener,
  ) {
    if (!exchange.datagrams) throw new Error('a UDP session comes with the side of its client');
    this.#exchange = exchange;
    this.#client = exchange.datagrams;
    this.#upstream = upstream;
    this.#endpoint = endpoint;
    this.#pool = pool;
    this.#listener = listener;
  }

  /** Opens a socket, if the endpoint may have one more. */
  start(): void {
    this.#exchange.phase = 'connect';
    const { target } = this.#pool.connector;
    if (target.socketPath !== '' || !this.#pool.admit()) {
      this.#state = 'closed';
      const isFull = target.socketPath === '';
      this.#listener.failed(
        isFull
          ? new ProxyError('connection_limit_reached', 'the connection limit is reached')
          : new ProxyError('destination_ip_unroutable', 'an endpoint on a Unix socket takes no datagrams'),
      );
      return;
    }
    this.#endpoint.cells.begin();
    this.#exchange.onEnd(() => this.#close());
    this.#pool.host.deadlines.set(this, this.#upstream.timeouts.connectMs);
    this.#header = this.#proxyHeader();
    this.#socket = new UdpEndpointSocket(target.host, target.port, this);
  }

  cancel(): void {
    this.#close();
  }

  send(datagram: Buffer): boolean {
    if (!this.#socket?.send([...this.#header, datagram])) return false;
    countDatagramReceived(this.#upstream.series, datagram.length);
    countDatagramReceived(this.#endpoint.series, datagram.length);
    return true;
  }

  opened(): void {
    this.#state = 'waiting';
    this.#exchange.phase = 'tunnel';
    for (const datagram of this.#client.unanswered) this.send(datagram);
    this.#client.endpoint = this;
  }

  datagram(bytes: Buffer): void {
    if (this.#state === 'waiting') this.#settle();
    countDatagramSent(this.#upstream.series, bytes.length);
    countDatagramSent(this.#endpoint.series, bytes.length);
    this.#client.answer(bytes);
  }

  dropped(): void {
    this.#client.dropped();
  }

  failed(error: NodeJS.ErrnoException): void {
    const before = this.#state;
    this.#close();
    if (before === 'settled') {
      this.#client.lost(
        new ProxyError('connection_terminated', `the endpoint is gone: ${error.code}`, { cause: error }),
      );
    } else {
      this.#listener.failed(connectError(error));
    }
  }

  onDeadline(): void {
    if (this.#state === 'waiting') {
      if (this.#exchange.passage) this.#exchange.passage.isSilent = true;
      this.#settle();
    } else {
      this.#close();
      this.#listener.failed(new ProxyError('connection_timeout'));
    }
  }

  #settle(): void {
    this.#state = 'settled';
    this.#pool.host.deadlines.clear(this);
    this.#listener.responded({
      status: 200,
      reason: '',
      fields: new Fields(),
      length: 0,
      body: undefined,
      tunnel: undefined,
    });
  }

  #close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#client.endpoint = undefined;
    this.#pool.host.deadlines.clear(this);
    this.#socket?.close();
    this.#endpoint.cells.end();
    this.#pool.dismiss();
  }

  #proxyHeader(): readonly Buffer[] {
    if (!this.#upstream.sendsProxyHeader) return NO_HEADER;
    const { connection } = this.#exchange;
    const source = { address: connection.remoteAddress, port: connection.remotePort };
    const destination = { address: connection.localAddress, port: connection.localPort };
    return [writeProxyHeader(2, source, destination, { transport: 'udp' })];
  }
}
