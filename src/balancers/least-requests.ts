// The endpoint with the fewest requests in flight per weight, counted over all workers.

import type { Random } from '#lib/random.ts';
import { type Balancer, defineBalancer } from '#model/balancer.ts';
import type { Endpoint } from '#model/upstream.ts';
import { s } from '#schema/blocks.ts';
import { loadOf } from './weighted-draw.ts';

export const leastRequests = defineBalancer({
  type: 'least-requests',
  summary: 'The endpoint with the fewest requests in flight, relative to its weight and counted over all workers.',
  options: () => s.object({}),
  create: (_options, host) => new LeastRequests(host.random),
});

class LeastRequests implements Balancer {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Looks at all candidates from a random one on, so that equal loads are shared evenly. */
  pick(candidates: readonly Endpoint[]): Endpoint {
    const start = Math.floor(this.#random() * candidates.length);
    let best = candidates[start] as Endpoint;
    let bestLoad = loadOf(best);
    for (let i = 1; i < candidates.length; i++) {
      const endpoint = candidates[(start + i) % candidates.length] as Endpoint;
      const load = loadOf(endpoint);
      if (load < bestLoad) {
        best = endpoint;
        bestLoad = load;
      }
    }
    return best;
  }
}
