// The sections `routes` and `policies` of a configuration.

import { linearRegExpProblem } from '#lib/linear-regexp.ts';
import { PRIORITIES } from '#model/exchange.ts';
import { policies } from '#policies/index.ts';
import { validateHostPattern, validatePathPattern } from '#routing/patterns.ts';
import { type Output, s } from '#schema/blocks.ts';
import { moduleOptions } from '#schema/module-options.ts';
import { subsetOptions } from './subset-schema.ts';
import { routeTimeouts } from './upstream-schema.ts';

const value = s.union([
  s.string().transform((equals) => ({ equals })),
  s.object({ equals: s.string() }),
  s.object({ prefix: s.string() }),
  s.object({ matches: s.checked(linearRegExpProblem) }),
  s.object({ present: s.boolean() }),
]);

const match = s.object({
  hosts: s
    .list(s.checked(validateHostPattern, (text) => text.toLowerCase()))
    .default([])
    .describe('Names, or *.example.com for all names below.'),
  path: s
    .list(s.checked(validatePathPattern))
    .default([])
    .describe('/exact, /prefix/*, /users/:id, or ~ and a regular expression; one or several.'),
  methods: s.list(s.method()).default([]).describe('Methods; GET includes HEAD.'),
  headers: s.fields(value).default({}).describe('Fields by name: a value, or { equals | prefix | matches | present }.'),
  query: s.record(value).default({}).describe('Query parameters by name, like headers.'),
  clients: s.list(s.prefix()).default([]).describe('Client addresses by prefix.'),
});

const target = s.union([
  s.string().transform((upstream) => [{ upstream, weight: 1, subset: undefined, 'when-empty': 'none' as const }]),
  s
    .object({ name: s.string().describe('Name of an upstream.'), ...subsetOptions })
    .transform(({ name, ...rest }) => [{ upstream: name, weight: 1, ...rest }]),
  s
    .object({
      split: s
        .array(
          s.object({
            upstream: s.string().describe('Name of an upstream.'),
            weight: s.integer({ min: 0, max: 65535 }).describe('Relative share of requests.'),
            ...subsetOptions,
          }),
        )
        .min(1)
        .describe('Branches, one of which is drawn for each request.'),
    })
    .transform(({ split }) => split),
]);

/** One branch of what a route ends in. */
export type TargetConfig = Output<typeof target>[number];

const redirect = s.object({
  to: s.string().describe('Target; may hold variables such as ${request.path}.'),
  status: s
    .union([s.literal(301), s.literal(302), s.literal(303), s.literal(307), s.literal(308)])
    .default(308)
    .describe('Status.'),
});

export const respond = s.object({
  status: s.integer({ min: 200, max: 599 }).default(200).describe('Status.'),
  body: s.string().default('').describe('Content; may hold variables.'),
  'content-type': s.fieldValue().default('text/plain; charset=utf-8').describe('Content-Type of the content.'),
  headers: s.record(s.fieldValue()).default({}).describe('More fields by name; values may hold variables.'),
});

/** One step of a policy chain. */
export const policyStep = moduleOptions('policy', policies, {});

export const route = s.object({
  name: s.string().optional().describe('Name in logs and metrics; route-1, route-2, … when left out.'),
  match: match.prefault({}).describe('Which requests; what is left out is open.'),
  priority: s
    .enum(PRIORITIES)
    .default('normal')
    .describe(
      'Who goes first in the queue of a full upstream, and who is refused last when the gateway is overloaded.',
    ),
  policies: s.array(policyStep).default([]).describe('Steps around the request, in the order written.'),
  upstream: target
    .optional()
    .describe('Name of an upstream, or { name, subset }, or { split: [{ upstream, weight, subset }] }.'),
  timeouts: routeTimeouts
    .optional()
    .describe("Timeouts of this route in place of the upstream's, such as those of long polling."),
  redirect: redirect.optional().describe('Answer with a redirect.'),
  respond: respond.optional().describe('Answer with a fixed response.'),
});
