// The last handler of a route that ends in an upstream: picks an endpoint, sends, and tries another one where that is safe.

import { isIdempotent } from '#http/methods.ts';
import type { Random } from '#lib/random.ts';
import type { Exchange } from '#model/exchange.ts';
import type { Handler } from '#model/handler.ts';
import type { Response, Tunnel } from '#model/message.ts';
import { ProxyError } from '#model/proxy-error.ts';
import type { Attempt, AttemptListener, Endpoint, Upstream } from '#model/upstream.ts';
import { countConnectFailure, countNoEndpoint, countRetry } from '#telemetry/series.ts';
import { candidates, isSameEndpoint } from './candidates.ts';
import { forwardFields } from './forwarding.ts';

/** Told when an endpoint has failed so often in a row that it should be ejected. */
export type FailureReport = (upstream: Upstream, endpoint: Endpoint) => void;

/** Statuses by which a gateway in front of the application says that it failed; they count against the endpoint. */
const GATEWAY_FAILURES: ReadonlySet<number> = new Set([502, 503, 504]);

const NONE_TRIED: readonly Endpoint[] = [];

/** Returns the handler that sends to `upstream`. */
export function createForward(upstream: Upstream, report: FailureReport, random: Random): Handler {
  const surroundings = { upstream, report, random };
  return (exchange) =>
    new Promise<Response>((resolve, reject) => {
      new Forwarding(exchange, surroundings, resolve, reject).start();
    });
}

/** What all exchanges of one handler share. */
interface Surroundings {
  readonly upstream: Upstream;
  readonly report: FailureReport;
  readonly random: Random;
}

/** All attempts of one exchange. */
class Forwarding implements AttemptListener {
  readonly #exchange: Exchange;
  readonly #upstream: Upstream;
  readonly #surroundings: Surroundings;
  readonly #resolve: (response: Response) => void;
  readonly #reject: (error: ProxyError) => void;
  #tried: Endpoint[] | undefined = undefined;
  #attempt: Attempt | undefined = undefined;
  /** `Clock.now` at the start of the present attempt, where the balancer wants to know how long it takes. */
  #attemptedAt = 0;
  /** The endpoint that the session was bound to when the request came. */
  #bound: Endpoint | undefined = undefined;
  /** Attempts that count against the limit; those on dead kept-alive connections do not. */
  #counted = 0;

  constructor(
    exchange: Exchange,
    surroundings: Surroundings,
    resolve: (response: Response) => void,
    reject: (error: ProxyError) => void,
  ) {
    this.#exchange = exchange;
    this.#upstream = surroundings.upstream;
    this.#surroundings = surroundings;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  start(): void {
    const exchange = this.#exchange;
    exchange.upstream = this.#upstream;
    try {
      if (!exchange.passage) exchange.forwardLines = forwardFields(exchange);
      this.#upstream.budget.onRequest();
      exchange.onAbort = (error) => this.#cancel(error);
      if (!exchange.aborted) this.#try();
    } catch (error) {
      this.#reject(error as ProxyError);
    }
  }

  responded(response: Response): void {
    const { endpoint } = this.#exchange;
    const exchange = this.#exchange;
    this.#attempt = undefined;
    exchange.firstByteMs = exchange.clock.now() - exchange.startedAt;
    if (endpoint) {
      this.#upstream.balancer.observe?.(endpoint, exchange.clock.now() - this.#attemptedAt);
      if (GATEWAY_FAILURES.has(response.status)) this.#countFailure(endpoint);
      else endpoint.cells.recordSuccess();
    }
    if (endpoint) this.#bind(response, endpoint);
    this.#watchBody(response);
    this.#resolve(response);
  }

  failed(error: ProxyError): void {
    const exchange = this.#exchange;
    const { endpoint } = exchange;
    this.#attempt = undefined;
    if (endpoint && error.side === 'origin' && !error.stale) {
      this.#upstream.balancer.observe?.(endpoint, -1);
      if (error.retryable === 'always') countConnectFailure(endpoint.series);
      this.#countFailure(endpoint);
    }
    if (!endpoint || exchange.aborted || !this.#isRepeatable(error)) {
      this.#finish(error);
    } else if (error.stale) {
      this.#counted--;
      exchange.needsFreshConnection = true;
      this.#try();
    } else {
      this.#tryAnother(endpoint, error);
    }
  }

  #try(): void {
    const exchange = this.#exchange;
    const upstream = this.#upstream;
    const tried = this.#tried ?? NONE_TRIED;
    const endpoint = this.#boundEndpoint() ?? this.#pick(tried);
    if (!endpoint) {
      this.#finish(unavailable(upstream));
      return;
    }
    if (upstream.balancer.observe) this.#attemptedAt = exchange.clock.now();
    exchange.endpoint = endpoint;
    exchange.attempts++;
    this.#counted++;
    this.#attempt = endpoint.transport.send(exchange, upstream, endpoint, this);
  }

  /** The endpoint of the request's session, as long as it may be used and has not failed this request. */
  #boundEndpoint(): Endpoint | undefined {
    const { affinity, endpoints } = this.#upstream;
    if (!affinity || this.#tried) return undefined;
    const bound = affinity.find(this.#exchange, endpoints);
    this.#bound = bound;
    if (!bound) return undefined;
    const { status } = bound.cells;
    const isUsable = status === 'healthy' || status === 'unknown' || (status === 'draining' && affinity.keepsDraining);
    return isUsable ? bound : undefined;
  }

  #pick(tried: readonly Endpoint[]): Endpoint | undefined {
    const exchange = this.#exchange;
    const list = candidates(this.#upstream, exchange, tried, this.#surroundings.random);
    return list.length === 0 ? undefined : this.#upstream.balancer.pick(list, exchange, tried);
  }

  /** Goes to an endpoint that was not tried yet; where there is none, the failure stands. */
  #tryAnother(failed: Endpoint, error: ProxyError): void {
    this.#tried ??= [];
    this.#tried.push(failed);
    const upstream = this.#upstream;
    const allowed =
      this.#counted < upstream.retry.attempts &&
      candidates(upstream, this.#exchange, this.#tried, this.#surroundings.random).length > 0 &&
      upstream.budget.tryRetry();
    if (!allowed) {
      this.#finish(isUnreachable(failed, error) ? unavailable(upstream, error) : error);
      return;
    }
    countRetry(upstream.series);
    this.#try();
  }

  /** RFC 9110 9.2.2: a proxy "MUST NOT automatically retry non-idempotent requests", unless nothing of them was sent. */
  #isRepeatable(error: ProxyError): boolean {
    const { body, method } = this.#exchange.request;
    if (body?.type === 'stream' && body.started) return false;
    return error.retryable === 'always' || (error.retryable === 'idempotent' && isIdempotent(method));
  }

  #countFailure(endpoint: Endpoint): void {
    const failures = endpoint.cells.recordFailure();
    const { ejectAfter } = this.#upstream;
    if (ejectAfter > 0 && failures % ejectAfter === 0) this.#surroundings.report(this.#upstream, endpoint);
  }

  #bind(response: Response, endpoint: Endpoint): void {
    const { affinity, endpoints } = this.#upstream;
    if (!affinity || (this.#bound && isSameEndpoint(this.#bound, endpoint))) return;
    affinity.bind(this.#exchange, response, endpoint, endpoints);
  }

  /** From the response head on, a client that leaves cancels the content, which cancels the attempt. */
  #watchBody({ body, tunnel }: Response): void {
    const exchange = this.#exchange;
    exchange.onAbort = undefined;
    if (body?.type === 'stream') exchange.onAbort = (error) => body.cancel(error);
    else if (tunnel) exchange.onAbort = () => abandon(tunnel);
  }

  #cancel(error: ProxyError): void {
    this.#attempt?.cancel(error);
    this.#finish(error);
  }

  #finish(error: ProxyError): void {
    this.#exchange.onAbort = undefined;
    this.#reject(error);
  }
}

function abandon({ stream, done }: Tunnel): void {
  stream.abort();
  done();
}

/** An endpoint known to be down that was tried in panic, and could not be reached: it is as good as none. */
function isUnreachable({ cells }: Endpoint, error: ProxyError): boolean {
  return error.retryable === 'always' && (cells.status === 'unhealthy' || cells.status === 'ejected');
}

function unavailable(upstream: Upstream, cause?: ProxyError): ProxyError {
  countNoEndpoint(upstream.series);
  return new ProxyError('destination_unavailable', `no endpoint of ${upstream.name} is usable`, { cause });
}
