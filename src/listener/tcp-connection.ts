// One client connection of a TCP listener: waits for a connection to an endpoint, then is joined with it until both are closed. The
// whole of it is one exchange, with one access record.
import type { ByteStream, StreamReceiver } from '#model/byte-stream.ts';
import { Exchange } from '#model/exchange.ts';
import type { Response, Tunnel } from '#model/message.ts';
import { type CloseReason, createPassage, type Passage } from '#model/passage.ts';
import { ProxyError } from '#model/proxy-error.ts';
import { joinStreams, type TunnelEnd } from '#net/tunnel.ts';
import { countActive, countPassed } from '#telemetry/series.ts';
import type { FirstBytes } from '#wire/first-bytes.ts';
import { ClientStream } from './client-stream.ts';
import { Lifetime } from './lifetime.ts';
import type { AcceptedConnection, ListenerHost, ListenerState, ResponseReceiver } from './listener-host.ts';
import { passageRequest } from './request-parts.ts';

/** What a client may send before there is an endpoint to take it. */
const MAX_EARLY_BYTES = 65536;

const CLOSE_REASONS: Readonly<Record<TunnelEnd['endedBy'], CloseReason>> = {
  first: 'client',
  second: 'endpoint',
  idle: 'idle',
};

export class TcpConnection extends ClientStream implements StreamReceiver, ResponseReceiver, AcceptedConnection {
  readonly exchange: Exchange;
  readonly stream: ByteStream;
  readonly #passage: Passage;
  readonly #onClosed: (connection: AcceptedConnection) => void;
  #early: Buffer[] = [];
  #earlyBytes = 0;
  /** Whether the client has sent FIN before it was joined with an endpoint. */
  #halfClosed = false;
  #stop: (() => void) | undefined = undefined;
  #lifetime: Lifetime | undefined = undefined;
  #ended = false;

  constructor(
    open: (receiver: StreamReceiver) => ByteStream,
    listener: ListenerState,
    host: ListenerHost,
    begin: { readonly onClosed: (connection: AcceptedConnection) => void; readonly first: FirstBytes | undefined },
  ) {
    super(listener, host);
    this.#onClosed = begin.onClosed;
    this.stream = open(this);
    this.#passage = createPassage(begin.first);
    this.exchange = new Exchange(this, host.snapshot(), passageRequest('tcp'), host.clock.now());
    this.exchange.passage = this.#passage;
    this.exchange.snapshot.uses++;
    countActive(listener.series, 1);
    host.handle(this);
  }

  /** Goes on: nobody can tell a good moment in bytes that nobody reads. */
  drain(): void {}

  abort(): void {
    if (this.#stop) {
      this.#stopFor('shutdown', this.#stop);
      return;
    }
    this.exchange.blame(new ProxyError('draining'));
    this.stream.abort();
  }

  /** The connection to an endpoint stands, or there is none. */
  respond(response: Response): void {
    if (response.tunnel && !this.#ended) {
      this.#join(response.tunnel, response.status);
      return;
    }
    response.tunnel?.stream.abort();
    response.tunnel?.done();
    if (this.#ended || this.exchange.aborted) return;
    this.exchange.status = response.status;
    this.#finish();
    this.stream.reset();
  }

  bytes(buffer: Buffer, length: number): boolean {
    this.#early.push(Buffer.from(buffer.subarray(0, length)));
    this.#earlyBytes += length;
    return this.#earlyBytes < MAX_EARLY_BYTES;
  }

  drained(): void {}

  ended(): void {
    this.#halfClosed = true;
  }

  closed(error: NodeJS.ErrnoException | undefined): void {
    const reason = this.closeReason(error);
    this.exchange.blame(reason);
    this.exchange.abort(reason);
    this.#finish();
    this.#onClosed(this);
  }

  #stopFor(reason: CloseReason, stop: () => void): void {
    this.#passage.closedBy ||= reason;
    stop();
  }

  #join(tunnel: Tunnel, status: number): void {
    const { exchange } = this;
    exchange.status = status;
    exchange.phase = 'tunnel';
    const early = this.#early;
    this.#early = [];
    for (const bytes of early) tunnel.stream.write(bytes);
    this.#count(this.#earlyBytes, 0);
    const stop = joinStreams({
      first: this.stream,
      second: tunnel.stream,
      idleTimeoutMs: tunnel.idleTimeoutMs,
      tellsItsEnd: false,
      firstHasEnded: this.#halfClosed,
      deadlines: this.host.deadlines,
      passed: (received, sent) => this.#count(received, sent),
      done: (end) => {
        exchange.bytesReceived = end.sent + this.#earlyBytes;
        exchange.bytesSent = end.received;
        exchange.phase = 'done';
        this.#passage.closedBy ||= this.#halfClosed ? 'client' : CLOSE_REASONS[end.endedBy];
        tunnel.done();
        this.#finish();
        this.#onClosed(this);
      },
    });
    this.#stop = stop;
    const { lifetimeMs } = this.listenerState.settings;
    if (lifetimeMs > 0)
      this.#lifetime = new Lifetime(this.host.deadlines, lifetimeMs, () => this.#stopFor('lifetime', stop));
  }

  #count(received: number, sent: number): void {
    const { upstream, endpoint } = this.exchange;
    countPassed(this.listenerState.series, received, sent);
    if (upstream) countPassed(upstream.series, received, sent);
    if (endpoint) countPassed(endpoint.series, received, sent);
  }

  #finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#lifetime?.clear();
    const { exchange } = this;
    if (exchange.status === 0) exchange.status = exchange.error?.status ?? 499;
    exchange.snapshot.uses--;
    countActive(this.listenerState.series, -1);
    exchange.end();
    this.host.record(exchange, this.listenerState.series);
  }
}
