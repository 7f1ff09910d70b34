// Options of modules, made when somebody first asks for them: nobody does on threads that only carry traffic.
import type { Schema } from './schema.ts';

/** A module as it is written: its options are a function that makes their schema. */
export type WithOptions<Module extends { readonly options: Schema<unknown> }> = Omit<Module, 'options'> & {
  options(): Module['options'];
};

/** The module with the schema of its options, which is made at the first look and kept. */
export function lazyOptions<Options, Module extends { options(): Schema<Options> }>(
  module: Module,
): Omit<Module, 'options'> & { readonly options: Schema<Options> } {
  let made: Schema<Options> | undefined;
  return {
    ...module,
    get options() {
      made ??= module.options();
      return made;
    },
  };
}
