// A client connection behind another proxy: reads the PROXY protocol header, then becomes a connection of the listener's protocol
// whose client is the one that the header names.
import type { Deadlined, DeadlineEntry } from '#lib/deadlines.ts';
import type { StreamReceiver } from '#model/byte-stream.ts';
import { ProxyError } from '#model/proxy-error.ts';
import type { TcpStream } from '#net/tcp-stream.ts';
import { countRefusedConnection } from '#telemetry/series.ts';
import { ProxyHeaderError, readProxyHeader } from '#wire/proxy-protocol/read-header.ts';
import { ClientStream } from './client-stream.ts';
import { graceful } from './drain-grace.ts';
import type { AcceptedConnection, ListenerHost, ListenerState } from './listener-host.ts';
import type { Successor } from './successor.ts';

export class ProxyHeaderConnection extends ClientStream implements StreamReceiver, Deadlined, AcceptedConnection {
  deadline: DeadlineEntry | undefined = undefined;
  readonly stream: TcpStream;
  readonly #succeed: Successor;
  readonly #onClosed: (connection: AcceptedConnection) => void;
  readonly #startedAt: number;
  #received: Buffer = Buffer.alloc(0);
  #isDone = false;

  constructor(
    open: (receiver: StreamReceiver) => TcpStream,
    listener: ListenerState,
    host: ListenerHost,
    end: { readonly succeed: Successor; readonly onClosed: (connection: AcceptedConnection) => void },
  ) {
    super(listener, host);
    this.#succeed = end.succeed;
    this.#onClosed = end.onClosed;
    this.#startedAt = host.clock.now();
    host.deadlines.set(this, listener.settings.headTimeoutMs);
    this.stream = open(this);
    // A header from whoever likes to send one would let him take any address.
    const { remoteAddress } = this.stream;
    if (!listener.settings.isProxy?.(remoteAddress)) {
      const who = remoteAddress === '' ? 'who has gone already, or comes by a Unix socket,' : remoteAddress;
      this.#refuse('proxy-header-untrusted', `${who} is no proxy that may send a PROXY header`);
    }
  }

  drain(): void {
    if (this.#received.length === 0) this.abort();
    else this.host.deadlines.set(this, graceful(this.listenerState.settings.headTimeoutMs, this.listenerState));
  }

  abort(): void {
    this.#isDone = true;
    this.stream.abort();
  }

  bytes(buffer: Buffer, length: number): boolean {
    if (this.#isDone) return false;
    this.#received = Buffer.concat([this.#received, buffer.subarray(0, length)]);
    try {
      const header = readProxyHeader(this.#received);
      if (!header) return true;
      if (header.source && header.destination) this.stream.standFor(header.source, header.destination);
      return this.#handOver(this.#received.subarray(header.length));
    } catch (error) {
      if (!(error instanceof ProxyHeaderError)) throw error;
      this.#refuse('proxy-header-invalid', error.message);
      return false;
    }
  }

  drained(): void {}

  ended(): void {
    this.#refuse('proxy-header-invalid', 'the connection ended before the PROXY header did');
  }

  closed(error: NodeJS.ErrnoException | undefined): void {
    this.host.deadlines.clear(this);
    if (!this.#isDone) this.recordEnd(this.closeReason(error), this.#startedAt);
    this.#onClosed(this);
  }

  onDeadline(): void {
    this.#refuse('proxy-header-invalid', 'the PROXY header did not come in time');
  }

  #handOver(rest: Buffer): boolean {
    this.host.deadlines.clear(this);
    this.#succeed((receiver) => {
      this.stream.receiver = receiver;
      return this.stream;
    });
    return rest.length === 0 || this.stream.receiver.bytes(rest, rest.length, false);
  }

  #refuse(code: 'proxy-header-invalid' | 'proxy-header-untrusted', reason: string): void {
    if (this.#isDone) return;
    this.#isDone = true;
    countRefusedConnection(this.listenerState.series, code);
    this.recordEnd(new ProxyError(code, reason), this.#startedAt);
    this.stream.reset();
  }
}
