// Endpoints as they are written: in the configuration, and in the lists that resolvers read.
import { s } from './blocks.ts';

/** An address, or an object with address, weight, priority or backup, zone and labels. */
export const endpointSchema = s
  .union([
    s.address().transform((address) => ({ ...address, weight: 1, priority: 0, zone: '', labels: {} })),
    s
      .object({
        address: s.address(),
        weight: s.integer({ min: 0, max: 65535 }).default(1).describe('Relative share of requests; 0 takes none.'),
        priority: s
          .integer({ min: 0, max: 100 })
          .default(0)
          .describe('0 is the first; larger numbers get what smaller ones cannot carry: see overflow.'),
        backup: s.boolean().default(false).describe('Short for priority: 1.'),
        zone: s.string().default('').describe('Where it runs; compared with the zone of the gateway.'),
        labels: s
          .record(s.string())
          .default({})
          .describe('What it is, by name, such as { version: v2 }: routes may choose a subset by them.'),
      })
      .transform(({ address, backup, priority, ...rest }) => ({
        ...address,
        ...rest,
        priority: backup ? Math.max(1, priority) : priority,
      })),
  ])
  .describe('An address, or an object with address, weight, priority or backup, zone and labels.');

/** A list of endpoints, or an object with one as `endpoints`. */
export const endpointListSchema = s.union([
  s.array(endpointSchema),
  s.object({ endpoints: s.array(endpointSchema) }).transform(({ endpoints }) => endpoints),
]);
