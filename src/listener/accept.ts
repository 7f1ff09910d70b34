// Binds one listener in one worker and makes a connection object of each socket it accepts.
import net from 'node:net';
import { withoutMapping } from '#lib/ip-address.ts';
import type { Series } from '#memory/series-table.ts';
import type { ByteStream, StreamReceiver } from '#model/byte-stream.ts';
import type { ListenerSettings, StreamChoice } from '#model/snapshot.ts';
import { TcpStream } from '#net/tcp-stream.ts';
import { countConnection, countRefusedConnection } from '#telemetry/series.ts';
import type { FirstBytes } from '#wire/first-bytes.ts';
import { Admission } from './admission.ts';
import { protocolOf } from './alpn-protocols.ts';
import { FirstBytesConnection, type Successors } from './first-bytes-connection.ts';
import { Http1Connection, type Http2Successor } from './http1-connection.ts';
import { Http2Connection } from './http2-connection.ts';
import type { AcceptedConnection, BindAddress, BoundSocket, ListenerHost, ListenerState } from './listener-host.ts';
import { ProxyHeaderConnection } from './proxy-header-connection.ts';
import { RefusedConnection } from './refused-connection.ts';
import type { Successor } from './successor.ts';
import { TcpConnection } from './tcp-connection.ts';
import { TlsConnection, type TlsSuccessor } from './tls-connection.ts';
import { TlsFailureLog } from './tls-failure-log.ts';
import type { TlsPurpose, TlsTermination } from './tls-termination.ts';

type Opener = (receiver: StreamReceiver) => TcpStream;

const BACKLOG = 4096;

export class Listener implements BoundSocket {
  readonly state: ListenerState;
  readonly #host: ListenerHost;
  readonly #server: net.Server;
  readonly #admission: Admission;
  readonly #tlsFailures: TlsFailureLog;
  readonly #connections = new Set<AcceptedConnection>();
  /** What has come before `serve`; `undefined` from then on. */
  #early: net.Socket[] | undefined = [];

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
    this.state = { name: settings.name, settings, series, tls: undefined, draining: false };
    this.#host = host;
    this.#admission = new Admission(settings.name, host);
    this.#tlsFailures = new TlsFailureLog(settings.name, host.log, host.clock);
    this.#server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, (socket) =>
      this.#accept(socket),
    );
  }

  /** How many are open, or may be about to be: see `drain`. */
  get connections(): number {
    return this.#connections.size + (this.state.draining && this.#server.listening ? 1 : 0);
  }

  serve(): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const socket of early) this.#accept(socket);
  }

  /** Accepts no more connections; those that exist end with their present exchange. */
  drain(): void {
    this.state.draining = true;
    if (this.#early) {
      this.#server.close();
      for (const socket of this.#early) socket.destroy();
      return;
    }
    // Clients that the kernel has connected already would be reset: one more round of events takes them all. What is set here runs behind
    // the present round, and what is set there behind a whole new one.
    setImmediate(() => setImmediate(() => this.#server.close()));
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
        this.#server.on('error', () => countRefusedConnection(this.state.series, 'connections'));
        resolve();
      });
    });
  }

  #accept(socket: net.Socket): void {
    const { state } = this;
    const taken = this.#early?.length ?? this.#connections.size;
    if (taken >= state.settings.maxConnections) {
      countRefusedConnection(state.series, 'connections');
      // Unix sockets, which have no such address, know no reset.
      if (socket.remoteAddress === undefined) socket.destroy();
      else socket.resetAndDestroy();
      return;
    }
    if (this.#early) {
      this.#early.push(socket);
      return;
    }
    countConnection(state.series, 1);
    const open = (receiver: StreamReceiver) => TcpStream.accept(socket, receiver);
    if (state.settings.isProxy) this.#expectHeader(open);
    else if (state.settings.admission) this.#admit(socket.remoteAddress ?? '', open);
    else this.#begin(open);
  }

  #expectHeader(open: Opener): void {
    const succeed: Successor = (takeOver) => {
      this.#connections.delete(first);
      if (this.state.settings.admission) this.#admit(first.remoteAddress, takeOver);
      else this.#begin(takeOver);
    };
    const first = new ProxyHeaderConnection(open, this.state, this.#host, { succeed, onClosed: this.#onClosed });
    this.#connections.add(first);
  }

  /** Begins the connection, unless a limit for its client or for all forbids it. */
  #admit(remoteAddress: string, open: Opener): void {
    const clientAddress = withoutMapping(remoteAddress);
    const { admission } = this.state.settings;
    const refusal = admission && this.#admission.refusal(admission, clientAddress);
    if (refusal) {
      const end = { refusal, onClosed: this.#onClosed };
      this.#connections.add(new RefusedConnection(open, this.state, this.#host, end));
      return;
    }
    this.#admission.keep(this.#begin(open), clientAddress);
  }

  /** A connection of the listener's protocol. */
  #begin(open: Opener): AcceptedConnection {
    const { protocol, name } = this.state.settings;
    const { tls } = this.state;
    if (protocol === 'http') return this.#keep(tls ? this.#expectHandshake(open, tls) : this.#http(open));
    if (this.#host.snapshot().streamRoutes.has(name)) return this.#expectFirstBytes(open);
    return this.#keep(tls ? this.#expectPassage(open, tls, undefined) : this.#pass(open, undefined));
  }

  /** HTTP in TLS that ends here. */
  #expectHandshake(open: Opener, termination: TlsTermination): TlsConnection {
    const waiting = this.#secure(open, termination, 'http', (alpn, takeOver) =>
      this.#hand(waiting, protocolOf(alpn)(takeOver, this.state, this.#host, this.#onClosed)),
    );
    return waiting;
  }

  /** What is passed on without the TLS it came in. */
  #expectPassage(open: Opener, termination: TlsTermination, first: FirstBytes | undefined): TlsConnection {
    const waiting = this.#secure(open, termination, 'passage', (_, takeOver) =>
      this.#hand(waiting, this.#pass(takeOver, first)),
    );
    return waiting;
  }

  #secure(open: Opener, termination: TlsTermination, purpose: TlsPurpose, succeed: TlsSuccessor): TlsConnection {
    const end = { termination, purpose, failures: this.#tlsFailures, succeed, onClosed: this.#onClosed };
    return new TlsConnection(open, this.state, this.#host, end);
  }

  /** `successor` takes the place of `former`. */
  #hand(former: AcceptedConnection, successor: AcceptedConnection): void {
    this.#connections.delete(former);
    this.#admission.hand(former, successor);
    this.#keep(successor);
  }

  #expectFirstBytes(open: Opener): AcceptedConnection {
    const choose: Successors = (choice, first) => (takeOver) =>
      this.#hand(waiting, this.#chosen(choice, first, takeOver));
    const waiting = new FirstBytesConnection(open, this.state, this.#host, { choose, onClosed: this.#onClosed });
    return this.#keep(waiting);
  }

  #chosen(choice: StreamChoice, first: FirstBytes, takeOver: Opener): AcceptedConnection {
    const { tls } = this.state;
    if (choice.type === 'http')
      return tls && first.protocol === 'tls' ? this.#expectHandshake(takeOver, tls) : this.#http(takeOver);
    return tls && choice.terminates ? this.#expectPassage(takeOver, tls, first) : this.#pass(takeOver, first);
  }

  /** HTTP in the clear: of whatever version the client begins with. */
  #http(open: Opener): Http1Connection {
    const becomeHttp2 = this.state.settings.http2.enabled ? this.#becomeHttp2 : undefined;
    return new Http1Connection(open, this.state, this.#host, { onClosed: this.#onClosed, becomeHttp2 });
  }

  readonly #becomeHttp2: Http2Successor = (former, open) => {
    this.#hand(former, new Http2Connection(open, this.state, this.#host, this.#onClosed));
  };

  #pass(open: (receiver: StreamReceiver) => ByteStream, first: FirstBytes | undefined): TcpConnection {
    return new TcpConnection(open, this.state, this.#host, { onClosed: this.#onClosed, first });
  }

  #keep(connection: AcceptedConnection): AcceptedConnection {
    this.#connections.add(connection);
    return connection;
  }

  readonly #onClosed = (closed: AcceptedConnection): void => {
    this.#connections.delete(closed);
    this.#admission.release(closed);
    countConnection(this.state.series, -1);
  };
}
