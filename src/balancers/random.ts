// A random endpoint, in proportion to weights.
import { defineBalancer } from '#model/balancer.ts';
import { s } from '#schema/blocks.ts';
import { drawWeighted } from './weighted-draw.ts';

export const random = defineBalancer({
  type: 'random',
  summary: 'Each request goes to an endpoint drawn at random in proportion to the weights.',
  options: () => s.object({}),
  create: (_options, host) => ({ pick: (candidates) => drawWeighted(candidates, host.random) }),
});
