// Which keys an object schema knows at a path: for telling the right word for a wrong one.
import { z } from 'zod';
import type { Schema } from './schema.ts';

/** The keys that may stand at `path`; empty when there is no object, or any key may stand there. */
export function keysAt(schema: Schema<unknown>, path: readonly (string | number)[]): readonly string[] {
  return [
    ...new Set(
      membersAt(schema as z.ZodType, path).flatMap((member) =>
        member instanceof z.ZodObject ? Object.keys(member.shape) : [],
      ),
    ),
  ];
}

/** All schemas that a value at `path` may have to fit. */
function membersAt(schema: z.ZodType, path: readonly (string | number)[]): readonly z.ZodType[] {
  const members = unwrap(schema);
  const [step, ...rest] = path;
  if (step === undefined) return members;
  return members.flatMap((member) => {
    const next = child(member, step);
    return next ? membersAt(next, rest) : [];
  });
}

function child(member: z.ZodType, step: string | number): z.ZodType | undefined {
  if (member instanceof z.ZodObject) return member.shape[step] as z.ZodType | undefined;
  if (member instanceof z.ZodArray) return member.element as z.ZodType;
  if (member instanceof z.ZodRecord) return member.valueType as z.ZodType;
  return undefined;
}

/** What stands inside defaults, optionals, transformations and unions. */
function unwrap(schema: z.ZodType): readonly z.ZodType[] {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodReadonly
  ) {
    return unwrap(schema.def.innerType as z.ZodType);
  }
  if (schema instanceof z.ZodPipe) return unwrap(schema.in as z.ZodType);
  if (schema instanceof z.ZodUnion) return (schema.options as readonly z.ZodType[]).flatMap(unwrap);
  return [schema];
}
