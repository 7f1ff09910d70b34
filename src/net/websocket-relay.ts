// Joins the two sides of a WebSocket that is looked at: messages pass both ways under the rules of a policy, until the sides have closed
// it, one of them has broken a rule, or the gateway wants it to end; then both are told why, by the codes of RFC 6455 7.4.
import type { Clock } from '#lib/clock.ts';
import type { Deadlined, DeadlineEntry, Deadlines } from '#lib/deadlines.ts';
import { TokenBucket } from '#lib/token-bucket.ts';
import type { ByteStream } from '#model/byte-stream.ts';
import type { Exchange } from '#model/exchange.ts';
import type { Tunnel } from '#model/message.ts';
import type { CloseReason } from '#model/passage.ts';
import { ProxyError } from '#model/proxy-error.ts';
import type { TunnelRecord, WebSocketCounts, WebSocketInspection, WebSocketRules } from '#model/web-socket.ts';
import { countClose, countMessages } from '#telemetry/series.ts';
import { CLOSE_CODE } from '#wire/websocket/close-code.ts';
import { WebSocketViolation } from '#wire/websocket/violation.ts';
import { PingPayloads, PingWatch } from './ping-watch.ts';
import { type SideOwner, WebSocketSide } from './websocket-side.ts';

/** How long sides may take to end their connections once both have said Close, or once the gateway has. */
const CLOSING_MS = 5000;
/** How long a side may take to answer the Close frame of the other, whose last message it may still be at. */
const ANSWERING_MS = 30_000;
/** Waiting times of connections that all have to go are multiples of a part of the time they are spread over: few lengths, few lists. */
const SPREAD_STEPS = 20;

const REASONS = {
  idle: 'nothing was said for too long',
  lifetime: 'open for as long as may be',
  shutdown: 'the gateway is going away',
  drained: 'the server is going away',
} as const;

export interface WebSocketRelayOptions {
  readonly exchange: Exchange;
  readonly client: ByteStream;
  readonly tunnel: Tunnel;
  readonly inspection: WebSocketInspection;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  /** A connection has failed. */
  readonly failed: (error: Error) => void;
  /** Both connections are closed. */
  readonly ended: (bytesReceived: number, bytesSent: number) => void;
}

export class WebSocketRelay implements SideOwner, Deadlined {
  deadline: DeadlineEntry | undefined = undefined;
  readonly record: TunnelRecord;
  readonly payloads = new PingPayloads();
  readonly #options: WebSocketRelayOptions;
  readonly #rules: WebSocketRules;
  readonly #messages: WebSocketCounts = { messagesReceived: 0, messagesSent: 0, closeCode: CLOSE_CODE.abnormal };
  readonly #client: WebSocketSide;
  readonly #endpoint: WebSocketSide;
  readonly #frames: TokenBucket | undefined;
  /** The end of its life, and its turn to go when all have to. */
  readonly #lifetime: Deadlined = { deadline: undefined, onDeadline: () => this.#closeFor('lifetime') };
  readonly #turn: Deadlined = { deadline: undefined, onDeadline: () => this.#closeFor(this.#goesFor) };
  #goesFor: 'shutdown' | 'drained' = 'shutdown';
  /** Whether it is the gateway that ends it, or it has ended. */
  #isClosing = false;

  constructor(options: WebSocketRelayOptions) {
    const { client, tunnel, inspection, clock } = options;
    const { compression, rules } = inspection;
    const { maxFrameBytes, maxMessageBytes, frameRate } = rules;
    const sides = { compression, maxFrameBytes, maxMessageBytes };
    this.#options = options;
    this.#rules = rules;
    this.record = { closedBy: '', messages: this.#messages };
    this.#frames = frameRate && new TokenBucket(clock, frameRate.perSecond, frameRate.burst);
    const endpoint = tunnel.stream;
    this.#client = new WebSocketSide('client', { own: client, other: endpoint }, { ...sides, sender: 'client' }, this);
    this.#endpoint = new WebSocketSide(
      'endpoint',
      { own: endpoint, other: client },
      { ...sides, sender: 'server' },
      this,
    );
    this.#client.other = this.#endpoint;
    this.#endpoint.other = this.#client;
  }

  /** Begins; `early` has come from the client ahead of it, and `halfClosed` tells that FIN has come behind that. */
  start(early: Buffer | undefined, halfClosed: boolean): void {
    const { deadlines, tunnel } = this.#options;
    const { ping, lifetimeMs } = this.#rules;
    if (ping?.client) this.#client.watch(new PingWatch(this.#client, ping, deadlines));
    if (ping?.endpoint) this.#endpoint.watch(new PingWatch(this.#endpoint, ping, deadlines));
    if (lifetimeMs > 0) deadlines.set(this.#lifetime, lifetimeMs);
    this.#setDeadline();
    this.#endpoint.start(Buffer.from(tunnel.early));
    this.#client.start(early);
    if (halfClosed) this.#client.ended();
  }

  drain(): void {
    this.#go('shutdown');
  }

  leave(): void {
    this.#go('drained');
  }

  stop(): void {
    this.#closeFor('shutdown');
    this.#abort();
  }

  onDeadline(): void {
    if (this.#isClosing || this.#isEnding) this.#abort();
    else this.#closeFor('idle');
  }

  // What the sides ask and tell.

  countFrame(side: WebSocketSide): void {
    if (side !== this.#client || !this.#frames || this.#frames.take()) return;
    throw new WebSocketViolation(CLOSE_CODE.policyViolation, 'more frames than may be sent in the time');
  }

  moved(side: WebSocketSide): void {
    this.#countMessages();
    // What goes nowhere keeps nothing alive.
    if (!side.pipe.isOpen) return;
    const counts = this.#rules.idleTimeoutMs === undefined || side.pipe.tookData || this.#isEnding;
    if (counts) this.#setDeadline();
  }

  drained(): void {
    this.#setDeadline();
  }

  closeRead(side: WebSocketSide, code: number): void {
    this.#note(code, side.name);
    // It is this very frame that has been passed on.
    if (!this.#isClosing) side.other.isTold = true;
    side.settle();
    side.other.settle();
    this.#setDeadline();
  }

  violated(side: WebSocketSide, { code, message }: WebSocketViolation): void {
    if (this.#isClosing) side.settle();
    else this.#fail(side, code, message);
  }

  isSilent(side: WebSocketSide): void {
    if (!this.#isClosing) this.#fail(side, CLOSE_CODE.internalError, 'no answer to a ping');
  }

  ended(side: WebSocketSide): void {
    if (this.#isClosing) {
      // The end of the data frame that our Close frame was to follow will never come.
      if (!side.other.isTold) side.other.stream.reset();
    } else {
      this.record.closedBy ||= side.name;
      side.other.stream.end();
    }
    side.settle();
    this.#setDeadline();
  }

  closed(side: WebSocketSide, error: Error | undefined): void {
    if (error) this.#options.failed(error);
    this.record.closedBy ||= this.#isClosing ? '' : side.name;
    // What was received ahead of a clean close is still delivered; after an error nothing can be trusted to be whole.
    if (this.#isClosing ? !side.other.isTold : error) side.other.stream.reset();
    else if (!this.#isClosing) side.other.stream.end();
    if (side.other.isGone) this.#finish();
    else this.#setDeadline();
  }

  /** Ends when its turn comes, of all that have to go. */
  #go(reason: 'shutdown' | 'drained'): void {
    if (this.#isClosing) return;
    const { random, closeSpreadMs } = this.#rules;
    const waitMs = (Math.floor(random() * SPREAD_STEPS) * closeSpreadMs) / SPREAD_STEPS;
    this.#goesFor = reason;
    if (waitMs > 0) this.#options.deadlines.set(this.#turn, waitMs);
    else this.#closeFor(reason);
  }

  /** Whether a side has begun to end it. */
  get #isEnding(): boolean {
    return this.#hasLeft || this.#client.hasClosed || this.#endpoint.hasClosed;
  }

  /** Whether a connection sends no more. */
  get #hasLeft(): boolean {
    const { hasEnded, isGone } = this.#client;
    return hasEnded || isGone || this.#endpoint.hasEnded || this.#endpoint.isGone;
  }

  #setDeadline(): void {
    if (this.#isClosing) return;
    const idleMs = this.#rules.idleTimeoutMs ?? this.#options.tunnel.idleTimeoutMs;
    let limitMs = idleMs;
    if (this.#hasLeft || (this.#client.hasClosed && this.#endpoint.hasClosed)) limitMs = CLOSING_MS;
    else if (this.#isEnding) limitMs = ANSWERING_MS;
    this.#options.deadlines.set(this, Math.min(idleMs, limitMs));
  }

  #countMessages(): void {
    const { messages } = this.#client.pipe;
    const received = messages - this.#messages.messagesReceived;
    const sent = this.#endpoint.pipe.messages - this.#messages.messagesSent;
    if (received === 0 && sent === 0) return;
    this.#messages.messagesReceived += received;
    this.#messages.messagesSent += sent;
    const { route } = this.#options.exchange;
    if (route) countMessages(route.series, received, sent);
  }

  /** Keeps how it ended; only the first call counts. */
  #note(code: number, by: CloseReason | ''): void {
    if (this.#messages.closeCode !== CLOSE_CODE.abnormal) return;
    this.#messages.closeCode = code;
    this.record.closedBy ||= by;
  }

  /** One side has to go by its own fault: it is told so, and the other that nothing more comes from there. */
  #fail(side: WebSocketSide, code: number, reason: string): void {
    const isClient = side === this.#client;
    const error = isClient ? 'websocket-client-failed' : 'websocket-endpoint-failed';
    this.#options.exchange.blame(new ProxyError(error, `${reason} (${code})`));
    this.#note(code, '');
    this.#begin();
    this.#tell(side, code, reason);
    // RFC 6455 7.4.1: 1001 is of one that goes away, such as a browser; 1011 of a server that cannot fulfil what is asked.
    if (isClient) this.#tell(side.other, CLOSE_CODE.goingAway, 'the client has failed');
    else this.#tell(side.other, CLOSE_CODE.internalError, 'the server has failed');
  }

  /** Ends it by the wish of the gateway. */
  #closeFor(reason: keyof typeof REASONS): void {
    if (this.#isClosing) return;
    this.#note(CLOSE_CODE.goingAway, reason);
    this.#begin();
    this.#tell(this.#client, CLOSE_CODE.goingAway, REASONS[reason]);
    this.#tell(this.#endpoint, CLOSE_CODE.goingAway, REASONS[reason]);
  }

  #begin(): void {
    this.#isClosing = true;
    this.#stopWatching();
    this.#options.deadlines.set(this, CLOSING_MS);
  }

  #tell(side: WebSocketSide, code: number, reason: string): void {
    if (side.tell(code, reason)) side.settle();
    // It has a part of a frame that will never be whole, which only a reset can tell it.
    else side.stream.reset();
  }

  #abort(): void {
    this.#client.stream.abort();
    this.#endpoint.stream.abort();
  }

  #stopWatching(): void {
    const { deadlines } = this.#options;
    deadlines.clear(this.#lifetime);
    deadlines.clear(this.#turn);
    this.#client.stopWatching();
    this.#endpoint.stopWatching();
  }

  #finish(): void {
    this.#isClosing = true;
    this.#stopWatching();
    this.#options.deadlines.clear(this);
    const { exchange, ended } = this.#options;
    if (exchange.route) countClose(exchange.route.series, this.#messages.closeCode);
    ended(this.#client.pipe.passed, this.#endpoint.pipe.passed);
  }
}
