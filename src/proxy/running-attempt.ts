// One attempt as its exchange sees it: at which endpoint, since when it could be answered, and how long it may take to a response head.

import type { Clock } from '#lib/clock.ts';
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
  /** `Clock.now` at the start, or when the last of streaming content was sent: time before that is not the endpoint's. */
  answerableAt: number;
  /** Whether it got a response that is no failure of the endpoint. */
  isWell = false;
  readonly #owner: AttemptOwner;
  readonly #clock: Clock;
  /** Sets the timer of the attempt anew, if it has one. */
  #restart: (() => void) | undefined = undefined;
  #attempt: Attempt | undefined = undefined;
  #clearTimeout: (() => void) | undefined = undefined;
  #ended = false;

  constructor(owner: AttemptOwner, endpoint: Endpoint, clock: Clock) {
    this.#owner = owner;
    this.endpoint = endpoint;
    this.#clock = clock;
    this.answerableAt = clock.now();
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Sends the request. The owner may hear of the outcome before this returns. */
  start(exchange: Exchange, upstream: Upstream, timers: Timers): void {
    const { attemptTimeoutMs } = upstream.retry;
    // A datagram may deserve no answer, so silence fails no attempt.
    if (attemptTimeoutMs !== Number.POSITIVE_INFINITY && exchange.request.version !== 'udp') {
      this.#restart = () => {
        this.#clearTimeout = timers.set(() => this.#timeOut(attemptTimeoutMs), attemptTimeoutMs);
      };
      this.#restart();
    }
    const attempt = this.endpoint.transport.send(exchange, upstream, this.endpoint, this);
    if (!this.#ended) this.#attempt = attempt;
  }

  requestMoved(isDue: boolean): void {
    if (this.#ended) return;
    this.answerableAt = this.#clock.now();
    this.#stopTimer();
    if (isDue) this.#restart?.();
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
    const error = this.#attempt?.waits
      ? new ProxyError('connection_limit_reached', `no connection became free within the ${ms} ms of one attempt`, {
          retryable: 'always',
        })
      : new ProxyError('connection_read_timeout', `no response within the ${ms} ms of one attempt`);
    this.cancel(error);
    this.#owner.attemptFailed(error, this);
  }

  #end(): void {
    this.#ended = true;
    this.#stopTimer();
  }

  #stopTimer(): void {
    this.#clearTimeout?.();
    this.#clearTimeout = undefined;
  }
}
