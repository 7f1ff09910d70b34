// Types for configurations written in TypeScript.
import type { SchemaInput } from '#schema/blocks.ts';
import type { configSchema } from './config-schema.ts';

/** What a configuration file may hold, in either language. */
export type ConfigInput = SchemaInput<typeof configSchema>;

/**
 * Returns its argument: `export default defineConfig({ … })` gives completion, and an unknown key or the name of an
 * upstream that does not exist fails to compile.
 */
export function defineConfig<const Input extends ConfigInput>(
  config: Input & KnownKeysOnly<Input, ConfigInput> & NamesKnownUpstreams<Input>,
): Input {
  return config;
}

/** Keys of all members of a union. */
type KeysOf<Shape> = Shape extends readonly unknown[] ? never : Shape extends object ? keyof Shape : never;
type ValueOf<Shape, Key> = Shape extends object ? (Key extends keyof Shape ? Shape[Key] : never) : never;
type ElementOf<Shape> = Shape extends readonly (infer Element)[] ? Element : never;

/** Makes a key that `Shape` does not know `never`: a type parameter alone lets it pass. */
type KnownKeysOnly<Input, Shape> = unknown extends Shape
  ? unknown
  : Input extends readonly unknown[]
    ? { readonly [Index in keyof Input]: KnownKeysOnly<Input[Index], ElementOf<Shape>> }
    : Input extends object
      ? {
          readonly [Key in keyof Input]: Key extends KeysOf<Shape>
            ? KnownKeysOnly<Input[Key], ValueOf<Shape, Key>>
            : never;
        }
      : unknown;

type UpstreamNames<Input> = Input extends { readonly upstreams: infer Upstreams } ? keyof Upstreams & string : never;

/** Replaces each route's target by the names there are, so that another name is a type error where it stands. */
type NamesKnownUpstreams<Input> = Input extends { readonly routes: readonly unknown[] }
  ? {
      readonly routes: {
        readonly [Index in keyof Input['routes']]: Input['routes'][Index] extends { readonly upstream: string }
          ? { readonly upstream: UpstreamNames<Input> }
          : Input['routes'][Index] extends { readonly upstream: { readonly name: string } }
            ? { readonly upstream: { readonly name: UpstreamNames<Input> } }
            : unknown;
      };
    }
  : unknown;
