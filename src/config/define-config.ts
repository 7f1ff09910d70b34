// Types for configurations written in TypeScript.
import type { SchemaInput } from '#schema/blocks.ts';
import type { configSchema } from './config-schema.ts';

/** What a configuration file may hold, in either language. */
export type ConfigInput = SchemaInput<typeof configSchema>;

/**
 * Returns its argument: `export default defineConfig({ … })` gives completion, and naming an upstream that does not exist
 * fails to compile.
 */
export function defineConfig<const Input extends ConfigInput>(config: Input & NamesKnownUpstreams<Input>): Input {
  return config;
}

type UpstreamNames<Input> = Input extends { readonly upstreams: infer Upstreams } ? keyof Upstreams & string : never;

/** Replaces each route's target by the names there are, so that another name is a type error where it stands. */
type NamesKnownUpstreams<Input> = Input extends { readonly routes: readonly unknown[] }
  ? {
      readonly routes: {
        readonly [Index in keyof Input['routes']]: Input['routes'][Index] extends { readonly upstream: string }
          ? { readonly upstream: UpstreamNames<Input> }
          : unknown;
      };
    }
  : unknown;
