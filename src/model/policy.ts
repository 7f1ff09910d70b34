// The extension point of policies: one step around a request.
import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import type { Random } from '#lib/random.ts';
import type { KeyedTable } from '#memory/keyed-table.ts';
import { lazyOptions, type WithOptions } from '#schema/lazy-options.ts';
import type { Schema } from '#schema/schema.ts';
import type { Arrival, Middleware } from './handler.ts';

/** What a policy may use of its surroundings. */
export interface PolicyHost {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Where in the configuration the policy stands, unchanged over reloads: `routes.api.policies.0`. */
  readonly identity: string;
  /**
   * The table of token buckets that all workers share. Entries are keyed by strings; the caller puts `identity` into them.
   */
  readonly buckets: KeyedTable;
}

export interface PolicyModule<Options = unknown> {
  readonly type: string;
  /** One sentence for the reference. */
  readonly summary: string;
  readonly options: Schema<Options>;
  /** A step in YAML that can be copied, for the reference. */
  readonly example?: string;
  /** Throws a `ConfigurationError` on options that fit the schema but make no sense. */
  create(options: Options, host: PolicyHost): Middleware;
  /** Returns what is done to an exchange when it has come to a route with this policy, ahead of everything that may refuse it there. */
  arrival?(options: Options): Arrival;
}

/** Gives a policy module its option types. */
export function definePolicy<Options>(module: WithOptions<PolicyModule<Options>>): PolicyModule<Options> {
  return lazyOptions(module);
}
