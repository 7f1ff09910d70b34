// Which endpoint gets the next attempt of one exchange: that of its session, else the one that the balancer picks of those that have
// not failed it.
import type { Random } from '#lib/random.ts';
import { takesRequests } from '#memory/endpoint-table.ts';
import type { Exchange } from '#model/exchange.ts';
import type { Response } from '#model/message.ts';
import type { Endpoint, Upstream } from '#model/upstream.ts';
import { candidates, isSameEndpoint } from './candidates.ts';

const NONE: readonly Endpoint[] = [];

export class EndpointChoice {
  readonly #exchange: Exchange;
  readonly #upstream: Upstream;
  readonly #random: Random;
  /** Those that are not to be asked again; `undefined` before the first. */
  #tried: Endpoint[] | undefined = undefined;
  /** The endpoint that the session was bound to when the request came. */
  #bound: Endpoint | undefined = undefined;

  constructor(exchange: Exchange, upstream: Upstream, random: Random) {
    this.#exchange = exchange;
    this.#upstream = upstream;
    this.#random = random;
  }

  /** `undefined` when none is usable. */
  next(): Endpoint | undefined {
    return this.#boundEndpoint() ?? this.#pick();
  }

  /** The endpoint has failed the request, or has it already. */
  exclude(endpoint: Endpoint): void {
    this.#tried ??= [];
    this.#tried.push(endpoint);
  }

  /** Whether `next` would find one. Those that failed come into question again, if so configured, when all have. */
  hasNext(): boolean {
    if (this.#candidates().length > 0) return true;
    if (!this.#upstream.retry.triesAgain) return false;
    this.#tried = [];
    return this.#candidates().length > 0;
  }

  /** Binds the session to the endpoint that has answered, unless it is bound to that already. */
  bind(response: Response, endpoint: Endpoint): void {
    const { affinity, endpoints } = this.#upstream;
    if (!affinity || (this.#bound && isSameEndpoint(this.#bound, endpoint))) return;
    affinity.bind(this.#exchange, response, endpoint, endpoints);
  }

  /** The endpoint of the request's session, as long as it may be used and has not failed this request. */
  #boundEndpoint(): Endpoint | undefined {
    const { affinity, endpoints } = this.#upstream;
    if (!affinity || this.#tried) return undefined;
    const bound = affinity.find(this.#exchange, endpoints);
    this.#bound = bound;
    if (!bound) return undefined;
    const { status } = bound.cells;
    const isUsable = takesRequests(status) || (status === 'draining' && affinity.keepsDraining);
    return isUsable ? bound : undefined;
  }

  #pick(): Endpoint | undefined {
    const list = this.#candidates();
    return list.length === 0 ? undefined : this.#upstream.balancer.pick(list, this.#exchange, this.#tried ?? NONE);
  }

  #candidates(): readonly Endpoint[] {
    return candidates(this.#upstream, this.#exchange, this.#tried ?? NONE, this.#random);
  }
}
