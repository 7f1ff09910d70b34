// The schema of a place where one of several modules is chosen by `type`, with the module's own options beside it.
import { z } from 'zod';
import { nearest } from '#lib/nearest.ts';
import { s } from './blocks.ts';
import type { Schema } from './schema.ts';
import { keysAt } from './shape-keys.ts';

interface Module {
  readonly type: string;
  readonly summary: string;
  readonly options: Schema<unknown>;
}

/** How a module is chosen in the file: by its bare type, or with options. */
export type ModuleInput = string | { readonly type: string; readonly [option: string]: unknown };

/** A module chosen, with its validated options and those that belong to the place itself. */
export interface Chosen<Shared> {
  readonly type: string;
  readonly options: unknown;
  readonly shared: Shared;
}

/** Places made by `moduleOptions`, by their schema: JSON Schema cannot look into what they do. */
export const modulePlaces = new WeakMap<z.ZodType, { readonly what: string; readonly shared: z.ZodType }>();

/**
 * Accepts `{ type, ...options }`, or the bare type. `shared` are options that every module takes at this place.
 */
export function moduleOptions<Shape extends z.ZodRawShape>(what: string, modules: readonly Module[], shared: Shape) {
  const byType = new Map(modules.map((module) => [module.type, module]));
  const sharedSchema = s.object(shared);
  const given = z.custom<ModuleInput>(() => true);
  modulePlaces.set(given, { what, shared: sharedSchema });
  return given.transform((input: unknown, context): Chosen<z.output<typeof sharedSchema>> => {
    const chosen = typeof input === 'string' ? { type: input } : input;
    if (typeof chosen !== 'object' || chosen === null || Array.isArray(chosen)) {
      return fail(context, [], `must be a ${what}: a type such as "${modules[0]?.type}", or a mapping with a type`);
    }
    const { type, ...rest } = chosen as Record<string, unknown>;
    const module = byType.get(String(type));
    if (!module) return fail(context, type === undefined ? [] : ['type'], unknownType(what, type, [...byType.keys()]));
    const split = splitKeys(rest, shared);
    const options = module.options.safeParse(split.own, { reportInput: true });
    const common = sharedSchema.safeParse(split.shared, { reportInput: true });
    const knownKeys = ['type', ...keysAt(module.options, []), ...Object.keys(shared)];
    for (const issue of [...(options.error?.issues ?? []), ...(common.error?.issues ?? [])]) {
      const known =
        issue.code === 'unrecognized_keys'
          ? issue.path.length === 0
            ? knownKeys
            : keysAt(module.options, issue.path as string[])
          : undefined;
      context.issues.push({ ...issue, ...(known ? { knownKeys: known } : {}) } as never);
    }
    if (!options.success || !common.success) return z.NEVER;
    return { type: module.type, options: options.data, shared: common.data };
  });
}

function splitKeys(
  given: Record<string, unknown>,
  shared: object,
): { own: Record<string, unknown>; shared: Record<string, unknown> } {
  const entries = Object.entries(given);
  return {
    own: Object.fromEntries(entries.filter(([key]) => !Object.hasOwn(shared, key))),
    shared: Object.fromEntries(entries.filter(([key]) => Object.hasOwn(shared, key))),
  };
}

function unknownType(what: string, type: unknown, types: readonly string[]): string {
  if (type === undefined) return `a ${what} needs a type: one of ${types.join(', ')}`;
  const near = nearest(String(type), types);
  return `unknown ${what} "${String(type)}"${near ? `; did you mean "${near}"?` : `; there are ${types.join(', ')}`}`;
}

function fail(context: z.RefinementCtx, path: string[], message: string): never {
  context.addIssue({ code: 'custom', path, message });
  return z.NEVER;
}
