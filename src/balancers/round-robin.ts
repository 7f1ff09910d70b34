// Smooth weighted round robin, as nginx does it: endpoints take turns, and heavy ones are spread out instead of bunched.

import type { Random } from '#lib/random.ts';
import { type Balancer, defineBalancer } from '#model/balancer.ts';
import type { Endpoint } from '#model/upstream.ts';
import { s } from '#schema/blocks.ts';

export const roundRobin = defineBalancer({
  type: 'round-robin',
  summary: 'Endpoints take turns in proportion to their weights.',
  options: () => s.object({}),
  create: (_options, host) => new RoundRobin(host.random),
});

class RoundRobin implements Balancer {
  readonly #random: Random;
  /** By list of candidates: requests may be split between several. */
  readonly #cycles = new WeakMap<readonly Endpoint[], Cycle>();
  /** That of the last pick. */
  #candidates: readonly Endpoint[] = [];
  #cycle: Cycle = createCycle([]);

  constructor(random: Random) {
    this.#random = random;
  }

  pick(candidates: readonly Endpoint[]): Endpoint {
    if (candidates !== this.#candidates) this.#change(candidates);
    const { credits, total } = this.#cycle;
    let best = 0;
    for (let i = 0; i < credits.length; i++) {
      credits[i] = (credits[i] as number) + (candidates[i] as Endpoint).weight;
      if ((credits[i] as number) > (credits[best] as number)) best = i;
    }
    credits[best] = (credits[best] as number) - total;
    return candidates[best] as Endpoint;
  }

  /** A new cycle starts at a random point, so that workers do not all send to the same endpoint at once. */
  #change(candidates: readonly Endpoint[]): void {
    this.#candidates = candidates;
    const known = this.#cycles.get(candidates);
    this.#cycle = known ?? createCycle(candidates);
    if (known) return;
    this.#cycles.set(candidates, this.#cycle);
    if (candidates.length < 2) return;
    for (let turns = Math.floor(this.#random() * candidates.length); turns > 0; turns--) this.pick(candidates);
  }
}

interface Cycle {
  /** Credit of each candidate: grows by its weight each turn, and falls by the sum of weights when it is picked. */
  readonly credits: Float64Array;
  readonly total: number;
}

function createCycle(candidates: readonly Endpoint[]): Cycle {
  return {
    credits: new Float64Array(candidates.length),
    total: candidates.reduce((sum, { weight }) => sum + weight, 0),
  };
}
