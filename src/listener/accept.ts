// Binds one listener in one worker and makes a connection object of each socket it accepts.
import net from 'node:net';
import type { Series } from '#memory/series-table.ts';
import type { StreamReceiver } from '#model/byte-stream.ts';
import type { ListenerSettings } from '#model/snapshot.ts';
import { TcpStream } from '#net/tcp-stream.ts';
import { countConnection, countRefusedConnection } from '#telemetry/series.ts';
import { Http1Connection } from './http1-connection.ts';
import type { AcceptedConnection, ListenerHost, ListenerState } from './listener-host.ts';
import { ProxyHeaderConnection, type Successor } from './proxy-header-connection.ts';
import { TcpConnection } from './tcp-connection.ts';

export interface BindAddress {
  readonly host: string;
  readonly port: number;
  readonly socketPath: string;
  /** Whether several workers bind the same address, each with a socket of its own. */
  readonly shared: boolean;
  /** Whether this worker is the one that listens where only one can: a path has one socket. */
  readonly first: boolean;
}

const BACKLOG = 4096;

export class Listener {
  readonly state: ListenerState;
  readonly #host: ListenerHost;
  readonly #server: net.Server;
  readonly #connections = new Set<AcceptedConnection>();

  /** Binds; rejects with the system's error when that fails. */
  static async bind(
    address: BindAddress,
    settings: ListenerSettings,
    series: Series,
    host: ListenerHost,
  ): Promise<Listener> {
    const listener = new Listener(settings, series, host);
    await listener.#listen(address);
    return listener;
  }

  private constructor(settings: ListenerSettings, series: Series, host: ListenerHost) {
    this.state = { name: settings.name, settings, series, draining: false };
    this.#host = host;
    this.#server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, (socket) =>
      this.#accept(socket),
    );
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Accepts no more connections; those that exist end with their present exchange. */
  drain(): void {
    this.state.draining = true;
    this.#server.close();
    for (const connection of [...this.#connections]) connection.drain();
  }

  /** Ends all connections at once. */
  abort(): void {
    for (const connection of [...this.#connections]) connection.abort();
  }

  #listen(address: BindAddress): Promise<void> {
    if (address.socketPath !== '' && !address.first) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      const options =
        address.socketPath === ''
          ? { host: address.host, port: address.port, reusePort: address.shared, backlog: BACKLOG }
          : { path: address.socketPath, backlog: BACKLOG };
      this.#server.listen(options, () => {
        this.#server.off('error', reject);
        // Accepting may fail for want of file descriptors; the next connection is tried all the same.
        this.#server.on('error', () => countRefusedConnection(this.state.series));
        resolve();
      });
    });
  }

  #accept(socket: net.Socket): void {
    const { state } = this;
    if (this.#connections.size >= state.settings.maxConnections) {
      countRefusedConnection(state.series);
      // Unix sockets, which have no such address, know no reset.
      if (socket.remoteAddress === undefined) socket.destroy();
      else socket.resetAndDestroy();
      return;
    }
    countConnection(state.series, 1);
    const open = (receiver: StreamReceiver) => TcpStream.accept(socket, receiver);
    if (state.settings.isProxy) this.#expectHeader(open);
    else this.#connections.add(this.#create(open));
  }

  /** A connection of the listener's protocol. */
  #create(open: (receiver: StreamReceiver) => TcpStream): AcceptedConnection {
    const Connection = this.state.settings.protocol === 'tcp' ? TcpConnection : Http1Connection;
    return new Connection(open, this.state, this.#host, this.#onClosed);
  }

  #expectHeader(open: (receiver: StreamReceiver) => TcpStream): void {
    const succeed: Successor = (takeOver) => {
      this.#connections.delete(first);
      this.#connections.add(this.#create(takeOver));
    };
    const first = new ProxyHeaderConnection(open, this.state, this.#host, { succeed, onClosed: this.#onClosed });
    this.#connections.add(first);
  }

  readonly #onClosed = (closed: AcceptedConnection): void => {
    this.#connections.delete(closed);
    countConnection(this.state.series, -1);
  };
}
