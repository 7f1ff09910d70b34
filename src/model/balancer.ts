// The extension point of balancing: an algorithm picks one of the endpoints it is given and knows nothing of health,
// retries or sockets.
import type { Clock } from '#lib/clock.ts';
import type { Random } from '#lib/random.ts';
import { lazyOptions, type WithOptions } from '#schema/lazy-options.ts';
import type { Schema } from '#schema/schema.ts';
import type { Exchange } from './exchange.ts';
import type { Endpoint } from './upstream.ts';

export interface BalancerHost {
  readonly clock: Clock;
  readonly random: Random;
}

export interface Balancer {
  /**
   * The endpoint for one attempt, out of at least one candidate. `candidates` is the same array from call to call until the
   * set changes, so that state may be kept by its identity. Endpoints in `tried` are not among them, unless `skipsTried`.
   */
  pick(candidates: readonly Endpoint[], exchange: Exchange, tried: readonly Endpoint[]): Endpoint;
  /**
   * Set by balancers that keep much by the identity of `candidates`: they get the same array for every attempt, and pass over the
   * endpoints in `tried` themselves. At least one candidate is not tried.
   */
  readonly skipsTried?: boolean;
  /**
   * A point in [0, 1) that is the same for all exchanges which should go to the same endpoint; chance decides where it is
   * `undefined`. It chooses the group of endpoints where requests are split between priorities or zones.
   */
  pointOf?(exchange: Exchange): number | undefined;
  /** An attempt has ended: with a response head after `latencyMs`, or, where that is -1, without one. */
  observe?(endpoint: Endpoint, latencyMs: number): void;
}

export interface BalancerModule<Options = unknown> {
  readonly type: string;
  /** One sentence for the reference. */
  readonly summary: string;
  readonly options: Schema<Options>;
  create(options: Options, host: BalancerHost): Balancer;
}

/** Gives a balancer module its option types. */
export function defineBalancer<Options>(module: WithOptions<BalancerModule<Options>>): BalancerModule<Options> {
  return lazyOptions(module);
}
