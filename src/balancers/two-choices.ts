// Power of two choices: of two endpoints drawn at random, the one with fewer requests in flight.
import { defineBalancer } from '#model/balancer.ts';
import { s } from '#schema/blocks.ts';
import { drawAnother, drawWeighted } from './weighted-draw.ts';

export const twoChoices = defineBalancer({
  type: 'two-choices',
  summary: 'Draws two endpoints at random and takes the one with fewer requests in flight, counted over all workers.',
  options: () => s.object({}),
  create: (_options, host) => ({
    pick(candidates) {
      const first = drawWeighted(candidates, host.random);
      const second = drawAnother(candidates, first, host.random);
      // Without load the weighted draw decides; with load each is to have as much as its weight says.
      return second.cells.inFlight / second.weight < first.cells.inFlight / first.weight ? second : first;
    },
  }),
});
