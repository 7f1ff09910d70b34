// A compiled route: what it matches is in `routing/`, what it does is its handler.
import type { Series } from '#memory/series-table.ts';
import type { Arrival, Handler } from './handler.ts';

/** The match part of a route, with defaults applied; what a route does not name is open. */
export interface RouteMatch {
  /** Exact names, or `*.example.com` for one or more labels in front. Lower case. Empty: any host. */
  readonly hosts: readonly string[];
  /** `/exact`, `/prefix/*`, `/users/:id`, or `~regular-expression`. Empty: any path. */
  readonly paths: readonly string[];
  /** Upper case. Empty: any method. */
  readonly methods: readonly string[];
  readonly fields: readonly ValueMatch[];
  readonly query: readonly ValueMatch[];
  /** Client address prefixes in CIDR notation. Empty: any. */
  readonly clients: readonly string[];
}

/** A condition on a field or query parameter. Exactly one of the four is set. */
export interface ValueMatch {
  /** Lower case for fields. */
  readonly name: string;
  readonly equals?: string | undefined;
  readonly prefix?: string | undefined;
  /** Linear-time regular expression. */
  readonly matches?: string | undefined;
  readonly present?: boolean | undefined;
}

export interface Route {
  readonly name: string;
  readonly match: RouteMatch;
  /** Of its requests: see `Exchange.priority`. */
  readonly priority: number;
  /** To be called ahead of `handler`, and of all that may refuse the exchange without calling that. */
  readonly arrivals: readonly Arrival[];
  /** The composed chain of policies around the route's action. */
  readonly handler: Handler;
  readonly series: Series;
}
