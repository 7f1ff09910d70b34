// The part of an upstream whose endpoints bear certain labels: an upstream itself to all that comes behind, from health and zones to
// balancer and sessions, with connections, counts and budget that are those of the whole.
import type { Balancer } from '#model/balancer.ts';
import type { Endpoint, Upstream } from '#model/upstream.ts';

export type Labels = Readonly<Record<string, string>>;

export interface SubsetRules {
  /** What an endpoint must bear, all of it. */
  readonly labels: Labels;
  /** Who is asked when no endpoint bears them. */
  readonly whenEmpty: 'none' | 'any';
  /** Of the subset alone: what balancers keep depends on who there is. */
  readonly balancer: Balancer;
}

export function createSubset(whole: Upstream, { labels, whenEmpty, balancer }: SubsetRules): Upstream {
  const wanted = Object.entries(labels);
  let of: readonly Endpoint[] | undefined;
  let chosen: readonly Endpoint[] = [];
  return {
    ...whole,
    balancer,
    /** The same array as long as the whole has the same. */
    get endpoints(): readonly Endpoint[] {
      if (whole.endpoints !== of) {
        of = whole.endpoints;
        chosen = of.filter((endpoint) => wanted.every(([name, value]) => endpoint.labels[name] === value));
        if (chosen.length === 0 && whenEmpty === 'any') chosen = of;
      }
      return chosen;
    },
  };
}
