// Which endpoint gets the next attempt of one exchange: that of its session, else the one that the balancer picks of those that have
// not failed it.
import type { Random } from '#lib/random.ts';
import type { Exchange } from '#model/exchange.ts';
import type { Response } from '#model/message.ts';
import type { ProxyError } from '#model/proxy-error.ts';
import type { Endpoint, Upstream } from '#model/upstream.ts';
import { candidates } from './candidates.ts';
import { isRefused, mayLeave, sessionUnavailable, stays } from './session-fate.ts';

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
    const bound = this.#boundEndpoint();
    if (!bound) return this.#pick(this.#tried ?? NONE);
    return isRefused(bound, this.#upstream) ? undefined : bound;
  }

  /** Another endpoint for an attempt beside one that is under way; `undefined` when there is none, or the session stays there. */
  beside(busy: Endpoint): Endpoint | undefined {
    if (!this.mayLeave(busy)) return undefined;
    return this.#pick([...(this.#tried ?? NONE), busy]);
  }

  /** The endpoint has failed the request. */
  exclude(endpoint: Endpoint): void {
    this.#tried ??= [];
    this.#tried.push(endpoint);
  }

  /** The endpoint may be asked once more; returns whether it is usable still. */
  readmit(endpoint: Endpoint): boolean {
    const tried = (this.#tried ?? NONE).filter((other) => other !== endpoint);
    this.#tried = tried.length > 0 ? tried : undefined;
    return this.#candidates(tried).includes(endpoint);
  }

  /** Whether `next` would find one. Those that failed come into question again, if so configured, when all have. */
  hasNext(): boolean {
    if (this.#candidates(this.#tried ?? NONE).length > 0) return true;
    if (!this.#upstream.retry.triesAgain) return false;
    this.#tried = [];
    return this.#candidates(NONE).length > 0;
  }

  /** Why `next` found none, where it is the session that stays with an endpoint that is down. */
  refusal(): ProxyError | undefined {
    const bound = this.#bound;
    return bound && isRefused(bound, this.#upstream) ? sessionUnavailable(bound, this.#upstream) : undefined;
  }

  /** Whether the request, which `failed` could not serve, may go to another endpoint. */
  mayLeave(failed: Endpoint): boolean {
    return mayLeave(failed, this.#bound, this.#upstream);
  }

  /** Binds the session to the endpoint that has answered. */
  bind(response: Response, endpoint: Endpoint): void {
    this.#upstream.affinity?.bind(this.#exchange, response, endpoint, this.#bound);
  }

  /** The endpoint of the request's session, as long as the session stays there and it has not failed this request. */
  #boundEndpoint(): Endpoint | undefined {
    const { affinity, endpoints } = this.#upstream;
    if (!affinity || this.#tried) return undefined;
    this.#bound = affinity.find(this.#exchange, endpoints);
    return this.#bound && stays(this.#bound, affinity) ? this.#bound : undefined;
  }

  #pick(tried: readonly Endpoint[]): Endpoint | undefined {
    const list = this.#candidates(tried);
    return list.length === 0 ? undefined : this.#upstream.balancer.pick(list, this.#exchange, tried);
  }

  #candidates(tried: readonly Endpoint[]): readonly Endpoint[] {
    return candidates(this.#upstream, this.#exchange, tried, this.#random);
  }
}
