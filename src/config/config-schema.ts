// The whole configuration: its sections put together. What sections mean to each other is checked in `validate.ts`.
import { type Output, s } from '#schema/blocks.ts';
import { certificates } from './certificates-schema.ts';
import { admin, drain, forwarding, listener, logs, overload } from './listener-schema.ts';
import { policyStep, route } from './route-schema.ts';
import { tls } from './tls-schema.ts';
import { upstream } from './upstream-schema.ts';

export const configSchema = s.object({
  version: s.literal(1).describe('Version of the configuration format.'),
  workers: s
    .union([s.literal('auto'), s.integer({ min: 1, max: 256 })])
    .default('auto')
    .describe('Threads that handle traffic; auto is one a core.'),
  zone: s
    .string()
    .default('')
    .describe('Where this gateway runs, such as eu-1a: endpoints of the same zone are preferred.'),
  admin: admin.prefault({}).describe('The admin API.'),
  listeners: s.record(listener).describe('Where clients connect, by name.'),
  certificates: certificates.prefault({}).describe('Certificates that no files bring, and stapling.'),
  tls: tls.prefault({}).describe('TLS of all listeners.'),
  forwarding: forwarding.prefault({}).describe('What next hops and clients are told of each other.'),
  policies: s.array(policyStep).default([]).describe('Steps around every request, ahead of those of its route.'),
  routes: s
    .array(route)
    .default([])
    .describe('What happens to requests. Precedence does not depend on the order but for equal matches.'),
  upstreams: s.record(upstream).default({}).describe('Groups of endpoints, by name.'),
  logs: logs.prefault({}).describe('What is logged where.'),
  overload: overload.optional().describe('What the gateway refuses when it has more to do than it can.'),
  drain: drain.prefault({}).describe('How the gateway stops.'),
});

/** A validated configuration with all defaults: plain data that can be sent to workers. */
export type Config = Output<typeof configSchema>;
export type RouteConfig = Config['routes'][number];
export type UpstreamConfig = Config['upstreams'][string];
export type ListenerConfig = Config['listeners'][string];
export type PolicyConfig = RouteConfig['policies'][number];
