// JSON Schema of option schemas, with the choice of modules spelled out.
import { z } from 'zod';
import { modulePlaces } from './module-options.ts';
import type { Schema } from './schema.ts';

interface Module {
  readonly type: string;
  readonly summary: string;
  readonly options: Schema<unknown>;
}

/** Modules by the word that `moduleOptions` was given for them. */
export type ModulesByPlace = Readonly<Record<string, readonly Module[]>>;

/** JSON Schema of what `schema` accepts. */
export function toJsonSchema(schema: Schema<unknown>, modules: ModulesByPlace): Record<string, unknown> {
  return z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    override({ zodSchema, jsonSchema }) {
      const place = modulePlaces.get(zodSchema as unknown as z.ZodType);
      if (place) Object.assign(jsonSchema, choiceOf(modules[place.what] ?? [], place.shared, modules));
    },
  }) as Record<string, unknown>;
}

function choiceOf(modules: readonly Module[], shared: z.ZodType, all: ModulesByPlace): Record<string, unknown> {
  const common = toJsonSchema(shared, all) as { properties?: object };
  return {
    anyOf: [
      { enum: modules.map(({ type }) => type) },
      ...modules.map(({ type, summary, options }) => {
        const own = toJsonSchema(options, all) as { properties?: object; required?: string[] };
        return {
          type: 'object',
          description: summary,
          properties: { type: { const: type }, ...own.properties, ...common.properties },
          required: ['type', ...(own.required ?? [])],
          additionalProperties: false,
        };
      }),
    ],
  };
}
