// How changes of the endpoints that a resolver finds are damped: options beside those of every resolver.
import { s } from '#schema/blocks.ts';

export const damping = {
  throttle: s
    .duration()
    .prefault('1s')
    .describe(
      'At least this long between two changes of the endpoints; what changes meanwhile is put in use together.',
    ),
  hold: s
    .duration()
    .prefault('0s')
    .describe('How long an endpoint that is no longer found stays in use, so that one that comes back is not missed.'),
};
