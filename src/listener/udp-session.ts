// The datagrams of one client address and port on a UDP listener: goes to one endpoint until it ends. The whole of it is one exchange,
// with one access record.
import { isIPv4 } from 'node:net';
import type { Clock } from '#lib/clock.ts';
import type { Deadlined, DeadlineEntry } from '#lib/deadlines.ts';
import type { DatagramClient, DatagramEndpoint } from '#model/datagrams.ts';
import { type ClientConnection, Exchange } from '#model/exchange.ts';
import type { Response } from '#model/message.ts';
import { type CloseReason, createPassage, type Passage } from '#model/passage.ts';
import { ProxyError } from '#model/proxy-error.ts';
import {
  countActive,
  countConnection,
  countDatagramReceived,
  countDatagramSent,
  countDroppedDatagram,
} from '#telemetry/series.ts';
import { Lifetime } from './lifetime.ts';
import type { ListenerHost, ListenerState, ResponseReceiver } from './listener-host.ts';
import { passageRequest } from './request-parts.ts';

/** What is kept of what a client sends, beside its first datagram, until an endpoint has been settled on. */
const MAX_UNANSWERED = 16;
const MAX_UNANSWERED_BYTES = 16_384;

/** What a session needs of its listener. */
export interface SessionOwner {
  readonly state: ListenerState;
  readonly host: ListenerHost;
  readonly localAddress: string;
  readonly localPort: number;
  /** Sends a datagram to a client; returns whether it was taken. */
  send(datagram: Buffer, to: ClientAddress): boolean;
  /** Makes room for bytes that are to be kept; returns whether there is any. */
  reserve(bytes: number): boolean;
  /** Bytes are kept no more. */
  free(bytes: number): void;
  /** The client has sent something after an answer, so its address is no invention. */
  proved(session: UdpSession): void;
  ended(session: UdpSession): void;
}

export interface ClientAddress {
  /** As the socket has it, and as the session is found by. */
  readonly address: string;
  readonly port: number;
  /** As it is written and compared. */
  readonly clientAddress: string;
}

export class UdpSession implements ClientConnection, ResponseReceiver, DatagramClient, Deadlined {
  readonly secure = false;
  readonly tls = undefined;
  readonly identityLines = '';
  deadline: DeadlineEntry | undefined = undefined;
  endpoint: DatagramEndpoint | undefined = undefined;
  readonly unanswered: Buffer[] = [];
  readonly client: ClientAddress;
  readonly exchange: Exchange;
  readonly #owner: SessionOwner;
  readonly #passage: Passage;
  readonly #lifetime: Lifetime | undefined;
  #unansweredBytes = 0;
  #isSettled = false;
  #isProved = false;
  #ended = false;

  constructor(client: ClientAddress, owner: SessionOwner) {
    this.client = client;
    this.#owner = owner;
    const { host, state } = owner;
    this.exchange = new Exchange(this, host.snapshot(), passageRequest('udp'), host.clock.now());
    this.#passage = { ...createPassage(), datagramsReceived: 0, datagramsSent: 0 };
    this.exchange.passage = this.#passage;
    this.exchange.datagrams = this;
    this.exchange.snapshot.uses++;
    countConnection(state.series, 1);
    countActive(state.series, 1);
    const { lifetimeMs } = state.settings;
    if (lifetimeMs > 0) this.#lifetime = new Lifetime(host.deadlines, lifetimeMs, () => this.end('lifetime'));
  }

  get clock(): Clock {
    return this.#owner.host.clock;
  }

  get listener(): string {
    return this.#owner.state.name;
  }

  get remoteAddress(): string {
    return this.client.clientAddress;
  }

  get remotePort(): number {
    return this.client.port;
  }

  /** What is bound for both families is, to a client of IPv4, all addresses of that. */
  get localAddress(): string {
    const { localAddress } = this.#owner;
    return localAddress === '::' && isIPv4(this.remoteAddress) ? '0.0.0.0' : localAddress;
  }

  get localPort(): number {
    return this.#owner.localPort;
  }

  /** Starts with the first datagram. */
  start(datagram: Buffer): void {
    this.receive(datagram);
    this.#owner.host.handle(this);
  }

  /** The client has sent a datagram. */
  receive(datagram: Buffer): void {
    const passage = this.#passage;
    passage.datagramsReceived++;
    this.exchange.bytesReceived += datagram.length;
    countDatagramReceived(this.#owner.state.series, datagram.length);
    this.#moved();
    if (passage.datagramsSent > 0 && !this.#isProved) {
      this.#isProved = true;
      this.#owner.proved(this);
    }
    const isKept = !this.#isSettled && this.#keep(datagram);
    const isTaken = this.endpoint ? this.endpoint.send(datagram) : isKept;
    if (!isTaken) this.dropped();
  }

  dropped(): void {
    countDroppedDatagram(this.#owner.state.series);
  }

  answer(datagram: Buffer): void {
    if (this.#ended) return;
    const passage = this.#passage;
    this.#settle();
    this.#moved();
    passage.datagramsSent++;
    this.exchange.bytesSent += datagram.length;
    if (this.#owner.send(datagram, this.client)) countDatagramSent(this.#owner.state.series, datagram.length);
    else this.dropped();
    const { expectedAnswers } = this.#owner.state.settings.udp;
    if (expectedAnswers > 0 && passage.datagramsSent >= expectedAnswers * passage.datagramsReceived)
      this.end('answered');
  }

  lost(error: ProxyError): void {
    this.#fail(error);
  }

  /** An endpoint is settled on, or there is none. */
  respond(response: Response): void {
    if (this.#ended) return;
    this.exchange.status = response.status;
    this.#settle();
    if (this.exchange.error) this.#finish();
  }

  onDeadline(): void {
    const { expectedAnswers } = this.#owner.state.settings.udp;
    const { datagramsSent, datagramsReceived } = this.#passage;
    // It may seem wise to hold this against the endpoint; however, anybody can send what deserves no answer, under any address.
    if (datagramsSent < expectedAnswers * datagramsReceived)
      this.#fail(new ProxyError('connection_read_timeout', 'not all answers came in time'));
    else this.end('idle');
  }

  /** Ends it, for a reason that is no error. */
  end(reason: CloseReason): void {
    if (this.#ended) return;
    this.#passage.closedBy = reason;
    this.exchange.phase = 'done';
    if (this.exchange.status === 0) this.exchange.status = 200;
    this.#finish();
  }

  #moved(): void {
    const { host, state } = this.#owner;
    host.deadlines.set(this, state.settings.udp.idleTimeoutMs);
  }

  #keep(datagram: Buffer): boolean {
    const { length } = this.unanswered;
    const isTooMuch = length >= MAX_UNANSWERED || this.#unansweredBytes + datagram.length > MAX_UNANSWERED_BYTES;
    if ((length > 0 && isTooMuch) || !this.#owner.reserve(datagram.length)) return false;
    this.unanswered.push(datagram);
    this.#unansweredBytes += datagram.length;
    return true;
  }

  #settle(): void {
    this.#isSettled = true;
    if (this.unanswered.length === 0) return;
    this.unanswered.length = 0;
    this.#owner.free(this.#unansweredBytes);
  }

  #fail(error: ProxyError): void {
    if (this.#ended) return;
    this.exchange.blame(error);
    this.exchange.status = error.status;
    this.#finish();
  }

  #finish(): void {
    this.#ended = true;
    this.#settle();
    const { exchange } = this;
    const { host, state } = this.#owner;
    host.deadlines.clear(this);
    this.#lifetime?.clear();
    exchange.snapshot.uses--;
    countActive(state.series, -1);
    countConnection(state.series, -1);
    exchange.end();
    host.record(exchange, state.series);
    this.#owner.ended(this);
  }
}
