// A client connection that begins with a TLS handshake: reads the ClientHello to find the certificate, leaves the handshake to Node,
// then becomes a connection of the protocol that was agreed on.
import type { Deadlined, DeadlineEntry } from '#lib/deadlines.ts';
import { StreamFault, type StreamReceiver } from '#model/byte-stream.ts';
import { createPassage } from '#model/passage.ts';
import { ProxyError } from '#model/proxy-error.ts';
import type { TcpStream } from '#net/tcp-stream.ts';
import type { TlsAcceptor } from '#net/tls-acceptor.ts';
import { type AcceptReceiver, TlsStream } from '#net/tls-stream.ts';
import { countHandshake, countHandshakeFailure } from '#telemetry/series.ts';
import { type HandshakeFailure, handshakeFailureOf } from '#telemetry/tls-failures.ts';
import type { ClientHello } from '#wire/tls/client-hello.ts';
import { ClientHelloReader } from '#wire/tls/client-hello-reader.ts';
import { type AlertName, TlsError, writeAlert } from '#wire/tls/tls-error.ts';
import { ACME_TLS } from './challenge-acceptors.ts';
import { ClientStream } from './client-stream.ts';
import { graceful } from './drain-grace.ts';
import type { AcceptedConnection, ListenerHost, ListenerState } from './listener-host.ts';
import type { TlsFailureLog } from './tls-failure-log.ts';
import type { TlsPurpose, TlsTermination } from './tls-termination.ts';

/** A ClientHello is bounded by its reader; this is what records of a few bytes may make of it. */
const MAX_BYTES = 65_536;

/** How long a client may take to see that it was refused for its certificate, and how many bytes it may send meanwhile. */
const LINGER_MS = 1000;
const MAX_LINGER_BYTES = 65_536;

const SSL_3 = 0x0300;

/** For whoever has written http:// where https:// was meant. */
const PLAIN_ANSWER =
  'HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 24\r\nConnection: close\r\n\r\nThis port speaks HTTPS.\n';

/** What takes the connection over; `open` makes it the receiver of the stream and returns that. */
export type TlsSuccessor = (alpn: string, open: (receiver: StreamReceiver) => TlsStream) => void;

interface Surroundings {
  readonly termination: TlsTermination;
  readonly purpose: TlsPurpose;
  readonly failures: TlsFailureLog;
  readonly succeed: TlsSuccessor;
  readonly onClosed: (connection: AcceptedConnection) => void;
}

export class TlsConnection extends ClientStream implements AcceptReceiver, Deadlined, AcceptedConnection {
  deadline: DeadlineEntry | undefined = undefined;
  stream: TcpStream | TlsStream;
  readonly #surroundings: Surroundings;
  readonly #startedAt: number;
  #reader: ClientHelloReader | undefined = new ClientHelloReader();
  #received: Buffer | undefined = undefined;
  #hello: ClientHello | undefined = undefined;
  #isDone = false;
  /** Bytes that have come since the client was refused for its certificate; `undefined` before. */
  #lingered: number | undefined = undefined;

  constructor(
    open: (receiver: StreamReceiver) => TcpStream,
    listener: ListenerState,
    host: ListenerHost,
    surroundings: Surroundings,
  ) {
    super(listener, host);
    this.#surroundings = surroundings;
    this.#startedAt = host.clock.now();
    this.#limitHandshake();
    this.stream = open(this);
  }

  /** The handshake goes on for a while: the client may have sent its request by the time it is done. */
  drain(): void {
    if (!this.#isDone) this.#limitHandshake();
    else if (this.#lingered === undefined) this.stream.abort();
  }

  abort(): void {
    this.#isDone = true;
    this.stream.abort();
  }

  bytes(buffer: Buffer, length: number): boolean {
    if (this.#lingered !== undefined) return this.#drop(length);
    if (this.#isDone || !this.#reader) return false;
    const bytes = buffer.subarray(0, length);
    const all = this.#received ? Buffer.concat([this.#received, bytes]) : bytes;
    try {
      const hello = this.#reader.push(bytes);
      if (hello) this.#begin(hello, this.#reader.body, all);
      else if (all.length > MAX_BYTES) throw new TlsError('decode_error', 'the ClientHello comes in too many records');
      else this.#received = this.#received ? all : Buffer.from(all);
      return !hello;
    } catch (error) {
      if (!(error instanceof TlsError)) throw error;
      if (isOfTls(all)) this.#refuse('hello', error.message, error.alert);
      else this.#refusePlain(all, error.message);
      return false;
    }
  }

  drained(): void {}

  ended(): void {
    this.stream.abort();
  }

  closed(error: NodeJS.ErrnoException | undefined): void {
    this.host.deadlines.clear(this);
    if (!this.#isDone) this.#closedEarly(error);
    this.#isDone = true;
    this.#surroundings.onClosed(this);
  }

  refused(error: NodeJS.ErrnoException): void {
    this.#linger(reasonOf(error), error);
  }

  onDeadline(): void {
    if (this.#lingered !== undefined || this.listenerState.draining) this.abort();
    else this.#refuse('timeout', 'the handshake took too long');
  }

  #limitHandshake(): void {
    const { settings } = this.listenerState;
    this.host.deadlines.set(this, graceful(settings.tls?.handshakeTimeoutMs ?? 0, this.listenerState));
  }

  /** The ClientHello is whole. */
  #begin(hello: ClientHello, body: Buffer, all: Buffer): void {
    this.#hello = hello;
    this.#reader = undefined;
    this.#received = undefined;
    // RFC 8446 D.5: an endpoint that receives a ClientHello with "legacy_version [...] set to 0x0300 MUST abort the handshake with a
    // "protocol_version" alert". OpenSSL aborts with handshake_failure, as SSL 3.0 itself has no such alert.
    if (body.readUInt16BE(0) === SSL_3) {
      this.#refuse('version', 'the client speaks SSL 3.0', 'protocol_version');
      return;
    }
    const challenge = this.host.challenges.acceptorFor(hello);
    const { termination } = this.#surroundings;
    if (challenge) this.#accept(challenge, all);
    else if (termination.lacks(hello.serverName)) this.#wait(hello, Buffer.from(body), Buffer.from(all));
    else this.#choose(termination, hello, body, all);
  }

  /** A certificate may be issued for the name; the time for the handshake goes on. */
  #wait(hello: ClientHello, body: Buffer, all: Buffer): void {
    this.host.wanted.wait(hello.serverName, () => {
      if (!this.#isDone) this.#choose(this.listenerState.tls ?? this.#surroundings.termination, hello, body, all);
    });
  }

  #choose(termination: TlsTermination, hello: ClientHello, body: Buffer, all: Buffer): void {
    // RFC 6066 3: literal addresses "are not permitted" as names, so that a client that was told an address asks for none.
    const name = hello.serverName || this.localAddress;
    const acceptor = termination.acceptorFor(name, body, this.#surroundings.purpose);
    if (!acceptor) {
      const asked = hello.serverName === '' ? 'the listener has no certificate' : 'no certificate is for the name';
      this.#refuse('unknown-name', asked, 'unrecognized_name');
      return;
    }
    this.#accept(acceptor, all);
  }

  /** From here on Node does the handshake. */
  #accept(acceptor: TlsAcceptor, all: Buffer): void {
    const transport = (this.stream as TcpStream).release(all);
    this.stream = TlsStream.accept(transport, acceptor, this, () => this.#secured(acceptor));
  }

  #secured(acceptor: TlsAcceptor): void {
    const stream = this.stream as TlsStream;
    if (acceptor.clients === 'required' && !stream.tls?.client) {
      this.#refuseCertificate(stream);
      return;
    }
    this.#isDone = true;
    this.host.deadlines.clear(this);
    if (stream.tls) countHandshake(this.listenerState.series, stream.tls);
    if (stream.tls?.alpn === ACME_TLS) {
      // RFC 8737 section 4: "the connection is immediately closed and no further data is exchanged".
      stream.closeWhenSent();
      return;
    }
    this.#surroundings.succeed(stream.tls?.alpn ?? '', (receiver) => {
      stream.receiver = receiver;
      return stream;
    });
  }

  /**
   * RFC 8446 4.4.2.4: a server may "continue the handshake (considering the client unauthenticated)", and no more than that can be done with
   * Node, which lets OpenSSL accept every certificate and judges it when the handshake is over: no alert says why. The client is told by an
   * orderly end, and heard out, as what it sends to a closed socket would be answered by a reset that overtakes it.
   */
  #refuseCertificate(stream: TlsStream): void {
    const problem = stream.tls?.clientProblem;
    const reason = problem
      ? `the certificate of the client is not accepted: ${problem}`
      : 'the session has no certificate';
    this.#linger(reason);
    stream.end();
  }

  #linger(reason: string, cause?: unknown): void {
    this.#isDone = true;
    this.#lingered = 0;
    this.#record('client-certificate', reason, cause);
    this.host.deadlines.set(this, LINGER_MS);
  }

  /** Reads on without taking anything; returns whether to go on. */
  #drop(length: number): boolean {
    this.#lingered = (this.#lingered ?? 0) + length;
    if (this.#lingered <= MAX_LINGER_BYTES) return true;
    this.stream.abort();
    return false;
  }

  #closedEarly(error: NodeJS.ErrnoException | undefined): void {
    if (error instanceof StreamFault) {
      this.recordEnd(this.closeReason(error), this.#startedAt);
      return;
    }
    const kind = handshakeFailureOf(error?.code);
    this.#record(kind, kind === 'closed' ? 'the client has closed the connection' : reasonOf(error), error);
  }

  #refusePlain(received: Buffer, reason: string): void {
    if (/^[A-Z]{3,10} /.test(received.toString('latin1', 0, 11))) this.stream.write(PLAIN_ANSWER);
    this.#refuse('no-tls', reason, 'unexpected_message');
  }

  /** Ends the connection: with an alert, or else by a reset. */
  #refuse(kind: HandshakeFailure, reason: string, alert?: AlertName): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#record(kind, reason);
    if (alert === undefined) {
      this.stream.reset();
      return;
    }
    if (kind !== 'no-tls') this.stream.write(writeAlert(alert));
    this.stream.closeWhenSent();
  }

  #record(kind: HandshakeFailure, reason: string, cause?: unknown): void {
    const serverName = this.#hello?.serverName ?? '';
    countHandshakeFailure(this.listenerState.series, kind);
    this.#surroundings.failures.add({ kind, reason, serverName, client: this.remoteAddress });
    const first = this.#hello && { protocol: 'tls' as const, sni: serverName, alpn: this.#hello.protocols };
    const code = kind === 'closed' ? 'client-closed' : 'tls-handshake-failed';
    const error = new ProxyError(code, `TLS handshake, ${kind}: ${reason}`, { cause });
    this.recordEnd(error, this.#startedAt, createPassage(first));
  }
}

/**
 * Whether these bytes begin with a record of TLS, of whatever type. RFC 8446 section 5: an implementation that "receives an unexpected record
 * type [...] MUST terminate the connection with an "unexpected_message" alert".
 */
function isOfTls([type = 0, version = 3]: Uint8Array): boolean {
  return type === 22 || (type >= 20 && type <= 24 && version === 3);
}

/** OpenSSL's sentence without its place in OpenSSL: `error:0A0000C1:SSL routines::no shared cipher`. */
function reasonOf(error: NodeJS.ErrnoException | undefined): string {
  const { reason } = (error ?? {}) as { readonly reason?: string };
  return reason ?? error?.message ?? '';
}
