// A client connection of a TCP listener with routes: looks at its first bytes, then becomes a connection to the upstream that they lead
// to, or one of HTTP, with all that was received.
import type { Deadlined, DeadlineEntry } from '#lib/deadlines.ts';
import type { StreamReceiver } from '#model/byte-stream.ts';
import type { Handler } from '#model/handler.ts';
import { createPassage, type Passage } from '#model/passage.ts';
import { ProxyError } from '#model/proxy-error.ts';
import type { StreamChoice } from '#model/snapshot.ts';
import type { TcpStream } from '#net/tcp-stream.ts';
import { countRefusedConnection } from '#telemetry/series.ts';
import { type FirstBytes, FirstBytesReader, OTHER } from '#wire/first-bytes.ts';
import { type AlertName, TlsError, writeAlert } from '#wire/tls/tls-error.ts';
import { ClientStream } from './client-stream.ts';
import { graceful } from './drain-grace.ts';
import type { AcceptedConnection, ListenerHost, ListenerState } from './listener-host.ts';
import type { Successor } from './successor.ts';

/** A ClientHello is bounded by its reader; this is what records of a few bytes may make of it. */
const MAX_BYTES = 65_536;

/** What takes the connection over: the gateway's own HTTP, or an upstream. */
export type Successors = (choice: StreamChoice, first: FirstBytes) => Successor;

export class FirstBytesConnection extends ClientStream implements StreamReceiver, Deadlined, AcceptedConnection {
  deadline: DeadlineEntry | undefined = undefined;
  readonly stream: TcpStream;
  readonly #choose: Successors;
  readonly #onClosed: (connection: AcceptedConnection) => void;
  readonly #startedAt: number;
  readonly #reader = new FirstBytesReader();
  readonly #received: Buffer[] = [];
  #receivedBytes = 0;
  #isDone = false;

  constructor(
    open: (receiver: StreamReceiver) => TcpStream,
    listener: ListenerState,
    host: ListenerHost,
    end: { readonly choose: Successors; readonly onClosed: (connection: AcceptedConnection) => void },
  ) {
    super(listener, host);
    this.#choose = end.choose;
    this.#onClosed = end.onClosed;
    this.#startedAt = host.clock.now();
    host.deadlines.set(this, listener.settings.firstBytesTimeoutMs);
    this.stream = open(this);
  }

  drain(): void {
    if (this.#receivedBytes === 0) this.abort();
    else this.host.deadlines.set(this, graceful(this.listenerState.settings.firstBytesTimeoutMs, this.listenerState));
  }

  abort(): void {
    this.#isDone = true;
    this.stream.abort();
  }

  bytes(buffer: Buffer, length: number): boolean {
    if (this.#isDone) return false;
    const bytes = Buffer.from(buffer.subarray(0, length));
    this.#received.push(bytes);
    this.#receivedBytes += length;
    try {
      const first = this.#reader.push(bytes);
      if (first) return this.#handOver(first);
      if (this.#receivedBytes > MAX_BYTES)
        throw new TlsError('decode_error', 'the ClientHello comes in too many records');
      return true;
    } catch (error) {
      if (!(error instanceof TlsError)) throw error;
      this.#refuseHello(error.message, error.alert);
      return false;
    }
  }

  drained(): void {}

  /** What sends no more has said all that it will. */
  ended(): void {
    this.#settle();
    if (!this.#isDone) this.stream.receiver.ended();
  }

  closed(error: NodeJS.ErrnoException | undefined): void {
    this.host.deadlines.clear(this);
    if (!this.#isDone) this.recordEnd(this.closeReason(error), this.#startedAt);
    this.#onClosed(this);
  }

  onDeadline(): void {
    this.#settle();
  }

  /** Decides with what there is: a client that waits for the server to speak says nothing. */
  #settle(): void {
    if (this.#isDone) return;
    if (this.#reader.inTls) this.#refuseHello('the ClientHello is not whole', 'decode_error');
    else if (!this.#handOver(OTHER) && !this.#isDone) this.stream.pause();
  }

  #refuseHello(reason: string, alert: TlsError['alert']): void {
    if (this.#isDone) return;
    countRefusedConnection(this.listenerState.series, 'tls-hello-invalid');
    this.#refuse(new ProxyError('tls-hello-invalid', reason), alert);
  }

  /** Returns whether to go on reading. */
  #handOver(first: FirstBytes): boolean {
    const { streamRoutes, passages } = this.host.snapshot();
    const routes = streamRoutes.get(this.listener);
    const choice = routes
      ? routes.match(first)
      : withoutRoutes(passages.get(this.listener), this.listenerState.tls !== undefined);
    if (!choice) {
      countRefusedConnection(this.listenerState.series, 'unmatched');
      const error = new ProxyError('no-route', `no route of the listener takes ${describe(first)}`);
      this.#refuse(
        error,
        first.protocol === 'tls' ? alertFor(first, routes?.hasName(first.sni) ?? false) : undefined,
        first,
      );
      return false;
    }
    this.host.deadlines.clear(this);
    this.#choose(
      choice,
      first,
    )((receiver) => {
      this.stream.receiver = receiver;
      return this.stream;
    });
    if (this.#receivedBytes === 0) return true;
    const bytes = Buffer.concat(this.#received);
    return this.stream.receiver.bytes(bytes, bytes.length, false);
  }

  #refuse(error: ProxyError, alert: AlertName | undefined, first?: FirstBytes): void {
    this.#isDone = true;
    this.host.deadlines.clear(this);
    const passage: Passage = createPassage(first);
    this.recordEnd(error, this.#startedAt, passage);
    if (alert === undefined) {
      this.stream.reset();
      return;
    }
    this.stream.write(writeAlert(alert));
    this.stream.closeWhenSent();
  }
}

/** Where all connections go now: a reload has taken the routes away meanwhile. */
function withoutRoutes(handler: Handler | undefined, terminates: boolean): StreamChoice {
  return handler ? { type: 'upstream', handler, terminates } : { type: 'http' };
}

/** Why a TLS client that no route takes is refused. */
function alertFor({ sni, alpn }: FirstBytes, isKnown: boolean): AlertName {
  // RFC 8446 9.2: servers that require the extension "SHOULD respond to a ClientHello lacking a "server_name" extension by terminating
  // the connection with a "missing_extension" alert".
  if (sni === '') return 'missing_extension';
  // RFC 7301 3.2: without a protocol in common "the server SHALL respond with a fatal "no_application_protocol" alert".
  return isKnown && alpn.length > 0 ? 'no_application_protocol' : 'unrecognized_name';
}

function describe({ protocol, sni, alpn }: FirstBytes): string {
  if (protocol !== 'tls') return protocol === 'other' ? 'a protocol that is none of those known' : protocol;
  const offers = alpn.length === 0 ? '' : `, ${alpn.join(', ')}`;
  return sni === '' ? `TLS without a server name${offers}` : `TLS for ${sni}${offers}`;
}
