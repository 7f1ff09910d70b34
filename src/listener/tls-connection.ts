// A client connection that begins with a TLS handshake; becomes a connection of the protocol that was agreed on.
import type { Deadlined, DeadlineEntry } from '#lib/deadlines.ts';
import type { StreamReceiver } from '#model/byte-stream.ts';
import { ProxyError } from '#model/proxy-error.ts';
import type { TcpStream } from '#net/tcp-stream.ts';
import { TlsStream } from '#net/tls-stream.ts';
import { countRefusedConnection } from '#telemetry/series.ts';
import { ClientStream } from './client-stream.ts';
import type { AcceptedConnection, ListenerHost, ListenerState } from './listener-host.ts';
import type { TlsTermination } from './tls-termination.ts';

/** What takes the connection over; `open` makes it the receiver of the stream and returns that. */
export type TlsSuccessor = (alpn: string, open: (receiver: StreamReceiver) => TlsStream) => void;

export class TlsConnection extends ClientStream implements StreamReceiver, Deadlined, AcceptedConnection {
  deadline: DeadlineEntry | undefined = undefined;
  stream: TcpStream | TlsStream;
  readonly #termination: TlsTermination;
  readonly #succeed: TlsSuccessor;
  readonly #onClosed: (connection: AcceptedConnection) => void;
  readonly #startedAt: number;
  #isDone = false;

  constructor(
    open: (receiver: StreamReceiver) => TcpStream,
    listener: ListenerState,
    host: ListenerHost,
    end: {
      readonly termination: TlsTermination;
      readonly succeed: TlsSuccessor;
      readonly onClosed: (connection: AcceptedConnection) => void;
    },
  ) {
    super(listener, host);
    this.#termination = end.termination;
    this.#succeed = end.succeed;
    this.#onClosed = end.onClosed;
    this.#startedAt = host.clock.now();
    host.deadlines.set(this, listener.settings.handshakeTimeoutMs);
    this.stream = open(this);
  }

  drain(): void {
    this.abort();
  }

  abort(): void {
    this.#isDone = true;
    this.stream.abort();
  }

  /** The first bytes: from here on TLS reads. A client that says nothing costs no more than a TCP connection does. */
  bytes(buffer: Buffer, length: number): boolean {
    if (this.#isDone || this.stream instanceof TlsStream) return false;
    const transport = this.stream.release(buffer.subarray(0, length));
    this.stream = TlsStream.accept(transport, this.#termination.acceptor, this, () => this.#secured());
    return false;
  }

  drained(): void {}

  ended(): void {
    this.stream.abort();
  }

  closed(error: NodeJS.ErrnoException | undefined): void {
    this.host.deadlines.clear(this);
    if (!this.#isDone) this.#recordFailure(error);
    this.#onClosed(this);
  }

  onDeadline(): void {
    this.#refuse(new ProxyError('tls-handshake-failed', 'the handshake took too long'));
  }

  #secured(): void {
    this.#isDone = true;
    this.host.deadlines.clear(this);
    const stream = this.stream as TlsStream;
    this.#succeed(stream.tls?.alpn ?? '', (receiver) => {
      stream.receiver = receiver;
      return stream;
    });
  }

  #recordFailure(error: NodeJS.ErrnoException | undefined): void {
    const isOver = this.stream instanceof TlsStream;
    const failure =
      error && isOver
        ? new ProxyError('tls-handshake-failed', error.message, { cause: error })
        : this.closeReason(error);
    this.#count(failure);
  }

  #refuse(failure: ProxyError): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#count(failure);
    this.stream.reset();
  }

  #count(failure: ProxyError): void {
    if (failure.code === 'tls-handshake-failed') countRefusedConnection(this.listenerState.series, 'tls-handshake');
    this.recordEnd(failure, this.#startedAt);
  }
}
