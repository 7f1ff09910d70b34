// Power of two choices: of two endpoints drawn at random, the one with fewer requests in flight.
import { defineBalancer } from '#model/balancer.ts';
import { s } from '#schema/blocks.ts';
import { drawWeighted } from './weighted-draw.ts';

/** How often a second draw may repeat the first before the first is taken: weights may make others very rare. */
const DRAWS = 4;

export const twoChoices = defineBalancer({
  type: 'two-choices',
  summary: 'Draws two endpoints at random and takes the one with fewer requests in flight, counted over all workers.',
  options: s.object({}),
  create: (_options, host) => ({
    pick(candidates) {
      const first = drawWeighted(candidates, host.random);
      if (candidates.length < 2) return first;
      let second = first;
      for (let draw = 0; draw < DRAWS && second === first; draw++) second = drawWeighted(candidates, host.random);
      // Without load the weighted draw decides; with load each is to have as much as its weight says.
      return second.cells.inFlight / second.weight < first.cells.inFlight / first.weight ? second : first;
    },
  }),
});
