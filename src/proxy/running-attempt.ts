// One attempt as its exchange sees it: at which endpoint, since when, and how long it may take to a response head.

import type { Timers } from '#lib/timers.ts';
import type { Exchange } from '#model/exchange.ts';
import type { Response } from '#model/message.ts';
import { ProxyError } from '#model/proxy-error.ts';
import type { Attempt, AttemptListener, Endpoint, Upstream } from '#model/upstream.ts';

/** Who made the attempt: exactly one of the first two is called, once, unless it is cancelled. */
export interface AttemptOwner {
  attemptResponded(response: Response, attempt: RunningAttempt): void;
  attemptFailed(error: ProxyError, attempt: RunningAttempt): void;
  /** See `AttemptListener.contentEnded`. */
  contentEnded(error: ProxyError | undefined, attempt: RunningAttempt): void;
}

export class RunningAttempt implements AttemptListener {
  readonly endpoint: Endpoint;
  /** `Clock.now` at the start. */
  readonly startedAt: number;
  /** Whether it got a response that is no failure of the endpoint. */
  isWell = false;
  readonly #owner: AttemptOwner;
  #attempt: Attempt | undefined = undefined;
  #clearTimeout: (() => void) | undefined = undefined;
  #startTimeout: (() => void) | undefined = undefined;
  /** Whether content that streams has gone out as a whole. */
  #isSent = false;
  #ended = false;

  constructor(owner: AttemptOwner, endpoint: Endpoint, startedAt: number) {
    this.#owner = owner;
    this.endpoint = endpoint;
    this.startedAt = startedAt;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Sends the request. The owner may hear of the outcome before this returns. */
  start(exchange: Exchange, upstream: Upstream, timers: Timers): void {
    const attempt = this.endpoint.transport.send(exchange, upstream, this.endpoint, this);
    if (this.#ended) return;
    this.#attempt = attempt;
    const { attemptTimeoutMs } = upstream.retry;
    // A datagram may deserve no answer, so silence fails no attempt.
    if (attemptTimeoutMs === Number.POSITIVE_INFINITY || exchange.request.version === 'udp') return;
    this.#startTimeout = () => {
      this.#clearTimeout = timers.set(() => this.#timeOut(attemptTimeoutMs), attemptTimeoutMs);
    };
    // How long content takes that streams is up to the client.
    if (this.#isSent || exchange.request.body?.type !== 'stream') this.#startTimeout();
  }

  requestSent(): void {
    this.#isSent = true;
    this.#startTimeout?.();
  }

  responded(response: Response): void {
    this.#end();
    this.#owner.attemptResponded(response, this);
  }

  failed(error: ProxyError): void {
    this.#end();
    this.#owner.attemptFailed(error, this);
  }

  contentEnded(error: ProxyError | undefined): void {
    this.#owner.contentEnded(error, this);
  }

  /** Gives up, without a call to the owner. */
  cancel(error: ProxyError): void {
    if (this.#ended) return;
    this.#end();
    this.#attempt?.cancel(error);
  }

  #timeOut(ms: number): void {
    const error = new ProxyError('connection_read_timeout', `no response within the ${ms} ms of one attempt`);
    this.cancel(error);
    this.#owner.attemptFailed(error, this);
  }

  #end(): void {
    this.#ended = true;
    this.#clearTimeout?.();
    this.#clearTimeout = undefined;
    this.#startTimeout = undefined;
  }
}
