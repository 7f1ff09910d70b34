// What all client connections tell of themselves, whatever their protocol: the listener they came on, both addresses, and why they
// were closed.
import type { Clock } from '#lib/clock.ts';
import { describeError } from '#lib/log.ts';
import { type ByteStream, StreamFault } from '#model/byte-stream.ts';
import { type ClientConnection, Exchange } from '#model/exchange.ts';
import type { Request } from '#model/message.ts';
import { createPassage, type Passage } from '#model/passage.ts';
import { ProxyError } from '#model/proxy-error.ts';
import type { TlsFacts } from '#model/tls.ts';
import { identityLines } from './client-identity.ts';
import type { ListenerHost, ListenerState } from './listener-host.ts';
import { passageRequest } from './request-parts.ts';

const CUT_OFF = 'not done within drain.timeout';

export abstract class ClientStream implements ClientConnection {
  readonly listenerState: ListenerState;
  readonly host: ListenerHost;
  abstract readonly stream: ByteStream;
  /** Whether the gateway has cut it off, as it waits no longer for what is under way. */
  protected isCutOff = false;
  readonly #openedAt: number;
  #identityLines: string | undefined = undefined;

  constructor(listener: ListenerState, host: ListenerHost) {
    this.listenerState = listener;
    this.host = host;
    this.#openedAt = host.clock.now();
  }

  /** Whether it has lasted for as long as a connection may. */
  protected isOld(now: number): boolean {
    const { lifetimeMs } = this.listenerState.settings;
    return lifetimeMs > 0 && now - this.#openedAt >= lifetimeMs;
  }

  get clock(): Clock {
    return this.host.clock;
  }

  get tls(): TlsFacts | undefined {
    return this.stream.tls;
  }

  /** Field lines that tell endpoints who the client is, as the listener is told to. */
  get identityLines(): string {
    const client = this.tls?.client;
    if (!client) return '';
    this.#identityLines ??= identityLines(client, this.listenerState.settings.tls?.client?.forward ?? []);
    return this.#identityLines;
  }

  get secure(): boolean {
    return this.stream.tls !== undefined;
  }

  get listener(): string {
    return this.listenerState.name;
  }

  get remoteAddress(): string {
    return this.stream.remoteAddress;
  }

  get remotePort(): number {
    return this.stream.remotePort;
  }

  get localAddress(): string {
    return this.stream.localAddress;
  }

  get localPort(): number {
    return this.stream.localPort;
  }

  /** Throws a `ProxyError` when the request belongs on a connection that was made otherwise. */
  checkDirected({ host }: Request): void {
    const { tls } = this.stream;
    // RFC 9110 15.5.20: the client may then try again on another connection.
    if (tls && this.listenerState.tls?.isMisdirected(host, tls))
      throw new ProxyError(
        'misdirected',
        `the connection was made for ${tls.serverName || 'no name'} and not for ${host}`,
      );
  }

  /** Why the connection is gone, for its exchanges: the client closed it, we did, or a fault of ours, which is logged. */
  protected closeReason(error: NodeJS.ErrnoException | undefined): ProxyError {
    if (this.isCutOff) return new ProxyError('draining', CUT_OFF);
    const fault = error instanceof StreamFault;
    if (fault) this.host.log.error('a client connection failed inside the gateway', { error: describeError(error) });
    return new ProxyError(fault ? 'proxy_internal_error' : 'client-closed', undefined, { cause: error });
  }

  /** Writes the record of a connection that has ended before anybody had taken it on. */
  protected recordEnd(error: ProxyError, startedAt: number, passage: Passage = createPassage()): void {
    const exchange = new Exchange(this, this.host.snapshot(), passageRequest('tcp'), startedAt);
    exchange.passage = passage;
    exchange.blame(error);
    exchange.status = error.status;
    this.host.record(exchange, this.listenerState.series);
  }
}
