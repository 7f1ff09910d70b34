// Smooth weighted round robin, as nginx does it: endpoints take turns, and heavy ones are spread out instead of bunched.

import type { Random } from '#lib/random.ts';
import { type Balancer, defineBalancer } from '#model/balancer.ts';
import type { Endpoint } from '#model/upstream.ts';
import { s } from '#schema/blocks.ts';

export const roundRobin = defineBalancer({
  type: 'round-robin',
  summary: 'Endpoints take turns in proportion to their weights.',
  options: s.object({}),
  create: (_options, host) => new RoundRobin(host.random),
});

class RoundRobin implements Balancer {
  readonly #random: Random;
  #candidates: readonly Endpoint[] = [];
  /** Credit of each candidate: grows by its weight each turn, and falls by the sum of weights when it is picked. */
  #credits = new Float64Array(0);
  #total = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  pick(candidates: readonly Endpoint[]): Endpoint {
    if (candidates !== this.#candidates) this.#reset(candidates);
    const credits = this.#credits;
    let best = 0;
    for (let i = 0; i < credits.length; i++) {
      credits[i] = (credits[i] as number) + (candidates[i] as Endpoint).weight;
      if ((credits[i] as number) > (credits[best] as number)) best = i;
    }
    credits[best] = (credits[best] as number) - this.#total;
    return candidates[best] as Endpoint;
  }

  /** Starts at a random point of the cycle, so that workers do not all send to the same endpoint at once. */
  #reset(candidates: readonly Endpoint[]): void {
    this.#candidates = candidates;
    this.#credits = new Float64Array(candidates.length);
    this.#total = candidates.reduce((sum, { weight }) => sum + weight, 0);
    if (candidates.length < 2) return;
    for (let turns = Math.floor(this.#random() * candidates.length); turns > 0; turns--) this.pick(candidates);
  }
}
