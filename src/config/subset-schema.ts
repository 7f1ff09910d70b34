// The options by which routes and TCP listeners choose a part of an upstream.
import { s } from '#schema/blocks.ts';

export const subsetOptions = {
  subset: s
    .record(s.string())
    .optional()
    .describe('Only endpoints that bear all of these labels, such as { version: v2 }.'),
  'when-empty': s
    .enum(['none', 'any'])
    .default('none')
    .describe('What becomes of requests when no endpoint bears them: none is asked (503), or any of the upstream.'),
};
