// The first endpoint in the order written that has room: the others stay idle, so that they can be switched off.
import { type Balancer, defineBalancer } from '#model/balancer.ts';
import type { Endpoint } from '#model/upstream.ts';
import { s } from '#schema/blocks.ts';
import { loadOf } from './weighted-draw.ts';

export const firstFit = defineBalancer({
  type: 'first-fit',
  summary:
    'Fills the endpoints one after the other in the order written; when all are full, the least loaded is taken.',
  options: () =>
    s.object({
      'in-flight': s
        .integer({ min: 1, max: 1e6 })
        .default(100)
        .describe('Requests in flight at which an endpoint is full, for each unit of its weight, over all workers.'),
    }),
  create: (options): Balancer => ({
    pick(candidates) {
      let best = candidates[0] as Endpoint;
      for (const endpoint of candidates) {
        if (endpoint.cells.inFlight < options['in-flight'] * endpoint.weight) return endpoint;
        if (loadOf(endpoint) < loadOf(best)) best = endpoint;
      }
      return best;
    },
  }),
});
