// The last handler of a route that ends in an upstream: picks an endpoint, sends, and tries another one where that is safe.

import type { Random } from '#lib/random.ts';
import type { Timers } from '#lib/timers.ts';
import type { CircuitBreaker, Passage } from '#memory/circuit-breaker.ts';
import { isDown } from '#memory/endpoint-table.ts';
import type { Cancellable, Exchange } from '#model/exchange.ts';
import { failureKindOf } from '#model/failure-kind.ts';
import type { Handler } from '#model/handler.ts';
import type { Response, Tunnel } from '#model/message.ts';
import { PendingResponse } from '#model/pending-response.ts';
import { ProxyError } from '#model/proxy-error.ts';
import type { Attempt, Endpoint, GateVisitor, Upstream } from '#model/upstream.ts';
import {
  countCircuitRefusal,
  countConnectFailure,
  countHedge,
  countNoEndpoint,
  countRetry,
} from '#telemetry/series.ts';
import { EndpointChoice } from './endpoint-choice.ts';
import { forwardFields } from './forwarding.ts';
import { GrpcForwarding } from './grpc-forwarding.ts';
import { type FailureReport, noteFailure, noteResponse } from './outcome.ts';
import { keepContent, type RepeatableContent } from './repeatable-content.ts';
import { backoffMs, isHedgeable, repeatsAfterError, repeatsAfterResponse } from './retry-policy.ts';
import { type AttemptOwner, RunningAttempt } from './running-attempt.ts';

/** What forwarding needs of its thread. */
export interface ForwardHost {
  readonly random: Random;
  readonly timers: Timers;
  readonly report: FailureReport;
}

/** What all exchanges of one handler share. */
interface Surroundings extends ForwardHost {
  readonly upstream: Upstream;
}

/** Returns the handler that sends to `upstream`. */
export function createForward(upstream: Upstream, { random, timers, report }: ForwardHost): Handler {
  const surroundings = { upstream, random, timers, report };
  return (exchange) => {
    const forwarding = new Forwarding(exchange, surroundings);
    forwarding.start();
    return forwarding;
  };
}

/** All attempts of one exchange; settled by the one that counts. */
class Forwarding extends PendingResponse implements AttemptOwner, GateVisitor, Cancellable {
  readonly #exchange: Exchange;
  readonly #upstream: Upstream;
  readonly #surroundings: Surroundings;
  readonly #choice: EndpointChoice;
  /** Of a call of gRPC. */
  readonly #call: GrpcForwarding | undefined;
  #attempt: RunningAttempt | undefined = undefined;
  /** A second one, made while the first was slow. */
  #hedge: RunningAttempt | undefined = undefined;
  /** Attempts that count against the limit; those on dead kept-alive connections do not. */
  #counted = 0;
  /** Whether an endpoint was asked once more that had done nothing for the request. */
  #askedAgain = false;
  /** Streaming content of the request, where it may be sent again. */
  #content: RepeatableContent | undefined = undefined;
  /** Its place among those that wait for the upstream to wake up. */
  #held: Attempt | undefined = undefined;
  /** Takes the timer back that runs: the wait ahead of an attempt, or that for a second one. */
  #clearTimer: (() => void) | undefined = undefined;
  /** How it has passed the circuit; `undefined` where there is none. */
  #passage: Passage | undefined = undefined;

  constructor(exchange: Exchange, surroundings: Surroundings) {
    super();
    this.#exchange = exchange;
    this.#upstream = surroundings.upstream;
    this.#surroundings = surroundings;
    this.#choice = new EndpointChoice(exchange, this.#upstream, surroundings.random);
    this.#call = exchange.grpc && new GrpcForwarding(exchange, exchange.grpc);
  }

  start(): void {
    const exchange = this.#exchange;
    const { breaker, gate } = this.#upstream;
    exchange.upstream = this.#upstream;
    try {
      if (!exchange.passage) exchange.forwardLines = forwardFields(exchange);
      this.#call?.begin(this.#upstream.maxCallMs, this.#surroundings.timers);
      if (breaker) this.#passCircuit(breaker);
      exchange.inCharge = this;
      if (exchange.aborted) return;
      if (gate) {
        exchange.phase = 'queue';
        gate.enter(this);
      } else this.admitted();
    } catch (error) {
      this.reject(error as ProxyError);
    }
  }

  // What the gate asks and tells.

  get priority(): number {
    return this.#exchange.priority;
  }

  admitted(): void {
    const { gate, budget } = this.#upstream;
    if (gate) this.#exchange.onEnd(() => gate.leave());
    budget.onRequest();
    this.#content = keepContent(this.#exchange, this.#upstream);
    this.#try();
  }

  refused(error: ProxyError): void {
    this.#finish(error);
  }

  // What the exchange tells.

  /** The client has given up. */
  cancel(error: ProxyError): void {
    this.#upstream.gate?.withdraw(this);
    this.#attempt?.cancel(error);
    this.#hedge?.cancel(error);
    this.#held?.cancel(error);
    this.#finish(error);
  }

  // What attempts tell.

  attemptResponded(response: Response, attempt: RunningAttempt): void {
    const { endpoint } = attempt;
    const exchange = this.#exchange;
    this.#leave(attempt);
    const now = exchange.clock.now();
    // Anybody can send what deserves no answer: the time that was waited for one is held against nobody.
    const isSilent = exchange.passage?.isSilent === true;
    const judged = this.#call ? this.#call.judge(response) : response;
    const isOk = judged === undefined || judged.status < 500;
    const latencyMs = isSilent ? 0 : now - attempt.answerableAt;
    if (isSilent) {
      endpoint.cells.recordSuccess();
    } else {
      this.#upstream.balancer.observe?.(endpoint, latencyMs);
      if (isOk) this.#observe(latencyMs);
      if (judged) attempt.isWell = noteResponse(this.#surroundings, endpoint, judged, latencyMs);
    }
    if (this.#repeats(response, endpoint)) {
      discard(response);
      if (!this.#attempt) this.#tryAgain();
      return;
    }
    exchange.endpoint = endpoint;
    if (!isSilent) exchange.firstByteMs = now - exchange.startedAt;
    this.#attempt?.cancel(new ProxyError('connection_terminated', 'another attempt was faster'));
    this.#tellCircuit(isOk, latencyMs);
    this.#choice.bind(response, endpoint);
    this.#call?.watch(response, (told) => noteResponse(this.#surroundings, endpoint, told, latencyMs));
    this.#watchBody(response);
    this.#content?.settle();
    this.resolve(response);
  }

  attemptFailed(error: ProxyError, attempt: RunningAttempt): void {
    const exchange = this.#exchange;
    const { endpoint } = attempt;
    this.#leave(attempt);
    if (error.side === 'origin' && !error.stale) {
      this.#upstream.balancer.observe?.(endpoint, -1);
      if (failureKindOf(error) === 'connect') countConnectFailure(endpoint.series);
      noteFailure(this.#surroundings, endpoint, error);
    }
    if (!error.stale) this.#choice.exclude(endpoint);
    if (this.#attempt) {
      exchange.endpoint = this.#attempt.endpoint;
      return;
    }
    const isRepeatable = this.#contentIsRepeatable && repeatsAfterError(error, exchange, this.#upstream.retry);
    if (exchange.aborted || !isRepeatable) {
      this.#finish(error);
    } else if (error.stale) {
      this.#counted--;
      exchange.needsFreshConnection = true;
      this.#try();
    } else if (this.#mayTryAnother(endpoint) || this.#mayAskAgain(endpoint, error)) {
      this.#tryAgain();
    } else {
      this.#finish(isUnreachable(endpoint, error) ? unavailable(this.#upstream, error) : error);
    }
  }

  contentEnded(error: ProxyError | undefined, { endpoint, isWell }: RunningAttempt): void {
    if (error?.side === 'origin') noteFailure(this.#surroundings, endpoint, error);
    else if (isWell) endpoint.cells.recordSuccess();
  }

  #try(): void {
    const exchange = this.#exchange;
    const endpoint = this.#choice.next();
    if (!endpoint) {
      this.#wait();
      return;
    }
    if (this.#content) exchange.request.body = this.#content.next();
    const attempt = this.#create(endpoint);
    this.#attempt = attempt;
    attempt.start(exchange, this.#upstream, this.#surroundings.timers);
    const { hedge, retry } = this.#upstream;
    if (!hedge || attempt.ended || !isHedgeable(exchange, retry)) return;
    const afterMs = hedge.afterMs();
    if (afterMs !== undefined)
      this.#clearTimer = this.#surroundings.timers.set(() => this.#tryBeside(attempt), afterMs);
  }

  /** Nobody is usable: ends the exchange, unless the upstream can be woken up. */
  #wait(): void {
    const exchange = this.#exchange;
    const upstream = this.#upstream;
    const sleeper = { exchange, resume: () => this.#try(), fail: (error: ProxyError) => this.#finish(error) };
    const held = this.#choice.refusal() ?? upstream.wake?.hold(upstream, sleeper) ?? unavailable(upstream);
    if (held instanceof ProxyError) this.#finish(held);
    else this.#held = held;
  }

  /** The attempt is slow: makes a second one, and takes the response that comes first. */
  #tryBeside({ endpoint: slow }: RunningAttempt): void {
    this.#clearTimer = undefined;
    const { retry, budget, series } = this.#upstream;
    const endpoint = this.#counted < retry.attempts ? this.#choice.beside(slow) : undefined;
    if (!endpoint || !budget.tryRetry()) return;
    countHedge(series);
    const attempt = this.#create(endpoint);
    this.#hedge = attempt;
    attempt.start(this.#exchange, this.#upstream, this.#surroundings.timers);
  }

  #create(endpoint: Endpoint): RunningAttempt {
    const exchange = this.#exchange;
    exchange.endpoint = endpoint;
    exchange.attempts++;
    this.#call?.prepareAttempt(this.#counted);
    this.#counted++;
    return new RunningAttempt(this, endpoint, exchange.clock);
  }

  /** An attempt has ended; the other one, if there is one, is now the only one. */
  #leave(attempt: RunningAttempt): void {
    this.#stopTimer();
    if (this.#attempt === attempt) this.#attempt = this.#hedge;
    this.#hedge = undefined;
  }

  /** Whether the limit of attempts, the endpoints and the budget allow one more. Takes it from the budget. */
  #mayTryAnother(failed: Endpoint): boolean {
    const { retry, budget } = this.#upstream;
    return (
      this.#counted < retry.attempts && this.#choice.mayLeave(failed) && this.#choice.hasNext() && budget.tryRetry()
    );
  }

  /**
   * Whether an endpoint that has done nothing for the request is asked once more, as there is no other: RFC 9113 8.7: "Requests that have
   * not been processed have not failed; clients MAY automatically retry them". Takes it from the budget.
   */
  #mayAskAgain(endpoint: Endpoint, { unprocessed }: ProxyError): boolean {
    const { retry, budget } = this.#upstream;
    if (!unprocessed || this.#askedAgain || this.#counted >= retry.attempts) return false;
    if (!this.#choice.readmit(endpoint) || !budget.tryRetry()) return false;
    this.#askedAgain = true;
    this.#exchange.needsFreshConnection = true;
    return true;
  }

  #tryAgain(): void {
    const { retry, series } = this.#upstream;
    countRetry(series);
    const waitMs = backoffMs(this.#counted + 1, retry, this.#surroundings.random);
    if (waitMs === 0) this.#try();
    else
      this.#clearTimer = this.#surroundings.timers.set(() => {
        this.#clearTimer = undefined;
        this.#try();
      }, waitMs);
  }

  /** Whether the response is given up for another attempt. */
  #repeats(response: Response, endpoint: Endpoint): boolean {
    const exchange = this.#exchange;
    if (!repeatsAfterResponse(response, exchange, this.#upstream.retry)) return false;
    if (exchange.aborted || !this.#contentIsRepeatable) return false;
    this.#choice.exclude(endpoint);
    return this.#attempt !== undefined || this.#mayTryAnother(endpoint);
  }

  get #contentIsRepeatable(): boolean {
    const { body } = this.#exchange.request;
    return body?.type !== 'stream' || !body.started || (this.#content?.repeatable ?? false);
  }

  /** Lets a closed circuit pass, and a few through a half-open one. Throws when it is open. */
  #passCircuit(breaker: CircuitBreaker): void {
    const passage = breaker.enter();
    if (passage.isOpen) {
      countCircuitRefusal(this.#upstream.series);
      throw new ProxyError('circuit-open', `the circuit of ${this.#upstream.name} is open`, {
        fields: [['retry-after', String(Math.ceil(passage.waitMs / 1000))]],
      });
    }
    this.#passage = passage;
  }

  /** Once, of each request that has passed. */
  #tellCircuit(ok: boolean | undefined, latencyMs: number): void {
    if (this.#passage) this.#upstream.breaker?.record(this.#passage, ok, latencyMs);
  }

  /** Tells those that learn from it how long a good response took. A failure may come at once, or late, and would teach them wrong. */
  #observe(latencyMs: number): void {
    const { hedge, gate } = this.#upstream;
    hedge?.observe(latencyMs);
    gate?.observe(latencyMs);
  }

  /** From the response head on, a client that leaves cancels the content, which cancels the attempt. */
  #watchBody({ body, tunnel }: Response): void {
    const exchange = this.#exchange;
    if (tunnel) exchange.inCharge = { cancel: () => abandon(tunnel) };
    else exchange.inCharge = body?.type === 'stream' ? body : undefined;
  }

  #finish(error: ProxyError): void {
    this.#stopTimer();
    this.#exchange.inCharge = undefined;
    this.#tellCircuit(error.side === 'origin' ? false : undefined, 0);
    this.#content?.settle();
    this.reject(error);
  }

  #stopTimer(): void {
    this.#clearTimer?.();
    this.#clearTimer = undefined;
  }
}

/** Gives up a response that has come. */
function discard({ body, tunnel }: Response): void {
  if (body?.type === 'stream') body.cancel(new ProxyError('connection_terminated', 'another attempt is made'));
  if (tunnel) abandon(tunnel);
}

function abandon({ stream, done }: Tunnel): void {
  stream.abort();
  done();
}

/** An endpoint known to be down that was tried in panic, and could not be reached: it is as good as none. */
function isUnreachable({ cells }: Endpoint, error: ProxyError): boolean {
  return error.retryable === 'always' && isDown(cells.status);
}

function unavailable(upstream: Upstream, cause?: ProxyError): ProxyError {
  countNoEndpoint(upstream.series);
  return new ProxyError('destination_unavailable', `no endpoint of ${upstream.name} is usable`, { cause });
}
