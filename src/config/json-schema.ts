// The JSON Schema of configuration files, for editors and for the reference.
import { balancers } from '#balancers/index.ts';
import { policies } from '#policies/index.ts';
import { probes } from '#probes/index.ts';
import { resolvers } from '#resolvers/index.ts';
import { toJsonSchema } from '#schema/json-schema.ts';
import { configSchema } from './config-schema.ts';

/** JSON Schema draft 2020-12 of the input form. */
export function configurationJsonSchema(): Record<string, unknown> {
  return {
    title: 'Tidegate configuration',
    ...toJsonSchema(configSchema, { policy: policies, balancer: balancers, probe: probes, resolver: resolvers }),
  };
}
