// The building blocks of option schemas: what modules and the configuration use instead of zod itself.
import type { z } from 'zod';
import { parseIpPrefix } from '#lib/ip-address.ts';
import { nearest } from '#lib/nearest.ts';
import { parseAddress } from './address.ts';
import { isFieldName, isFieldValue } from './tokens.ts';
import {
  parseDuration,
  parseLongDuration,
  parsePercentage,
  parsePositiveDuration,
  parseRate,
  parseSize,
  parseWindow,
} from './units.ts';
import { zod } from './zod.ts';

/** What a schema gives. */
export type Output<S extends z.ZodType> = z.output<S>;

/** What a schema accepts. */
export type SchemaInput<S extends z.ZodType> = z.input<S>;

/** A string in the file that becomes something else; `input` documents its form in the JSON Schema. */
function parsed<Value>(parse: (text: string) => Value | string, examples: string[]) {
  return zod()
    .string()
    .meta({ examples })
    .transform((text, context) => {
      const value = parse(text);
      if (typeof value !== 'string') return value;
      context.addIssue({ code: 'custom', message: value, input: text });
      return zod().NEVER;
    });
}

/** A string that must pass a check and stays as it is, or as `change` makes it. */
function checked(problem: (text: string) => string | undefined, change: (text: string) => string = (text) => text) {
  return zod()
    .string()
    .transform((text, context) => {
      const message = problem(text);
      if (message === undefined) return change(text);
      context.addIssue({ code: 'custom', message, input: text });
      return zod().NEVER;
    });
}

/** A quantity must be a string with its unit: a bare number gets an error that says so. */
const unitless = (what: string) => ({
  error: (issue: { input?: unknown }) => `${JSON.stringify(issue.input)} is not ${what}`,
});

/** What is written with a unit, or has a form of its own. */
function quantity<Value>(form: string, parse: (text: string) => Value | string, examples: string[]) {
  return zod().string(unitless(form)).pipe(parsed(parse, examples));
}

/** An object with a literal `type`. */
type TypedObject = z.ZodObject<
  { readonly type: z.ZodLiteral<string>; readonly [key: string]: z.ZodType },
  z.core.$strict
>;

const unknownVariant = (types: readonly string[]) => (issue: { code?: string; input?: unknown }) => {
  if (issue.code !== 'invalid_union') return undefined;
  const { type } = issue.input as { type?: unknown };
  if (type === undefined) return `is missing; it must be one of ${types.join(', ')}`;
  const near = nearest(String(type), types);
  return `${JSON.stringify(type)} is not valid; ${near ? `did you mean "${near}"?` : `must be one of ${types.join(', ')}`}`;
};

export const s = {
  /** An object; keys that it does not name are errors. */
  object: <Shape extends z.ZodRawShape>(shape: Shape) => zod().strictObject(shape),
  /** An object that others write: what it names is checked, what it does not name is passed over. */
  part: <Shape extends z.ZodRawShape>(shape: Shape) => zod().object(shape),
  string: () => zod().string(),
  boolean: () => zod().boolean(),
  number: (bounds: { min: number; max: number }) => zod().number().min(bounds.min).max(bounds.max),
  integer: (bounds: { min: number; max: number }) => zod().int().min(bounds.min).max(bounds.max),
  array: <Item extends z.ZodType>(item: Item) => zod().array(item),
  /** One item, or a list of them. */
  list: <Item extends z.ZodType>(item: Item) => zod().union([zod().array(item), item.transform((one) => [one])]),
  record: <Value extends z.ZodType>(value: Value) => zod().record(zod().string(), value),
  /** A mapping by field names, in lower case. */
  fields: <Value extends z.ZodType>(value: Value) => zod().record(s.fieldName(), value),
  enum: <const Values extends readonly [string, ...string[]]>(values: Values) => zod().enum(values),
  literal: <const Value extends string | number>(value: Value) => zod().literal(value),
  union: <const Options extends readonly [z.ZodType, ...z.ZodType[]]>(options: Options) => zod().union(options),
  /** One of several objects, told apart by the literal `type` in each of them. */
  variants: <const Options extends readonly [TypedObject, ...TypedObject[]]>(options: Options) =>
    zod().discriminatedUnion('type', options, { error: unknownVariant(options.map(({ shape }) => shape.type.value)) }),
  unknown: () => zod().unknown(),

  /** `30s` -> milliseconds. */
  duration: () => quantity('a duration such as "30s"', parseDuration, ['500ms', '30s', '5m']),
  /** The same where `0s` would mean nothing. */
  positiveDuration: () => quantity('a duration such as "30s"', parsePositiveDuration, ['500ms', '30s', '5m']),
  /** `365d` -> milliseconds, for times that nobody waits for. */
  longDuration: () => quantity('a duration such as "365d"', parseLongDuration, ['1h', '365d']),
  /** `16KiB` -> bytes. */
  size: () => quantity('a size such as "16KiB"', parseSize, ['16KiB', '8MiB']),
  /** A size that may be a flow-control window of HTTP/2. */
  window: () => quantity('a size such as "64KiB"', parseWindow, ['64KiB', '1MiB']),
  /** `100/s` -> count and period. */
  rate: () => quantity('a rate such as "100/s"', parseRate, ['100/s', '10/m']),
  /** `20%` -> 0.2. */
  percentage: () => quantity('a share such as "20%"', parsePercentage, ['20%']),
  /** `127.0.0.1:80`, `[::1]:80`, `name:80` or `unix:/path` -> its parts. */
  address: () =>
    zod()
      .string(unitless('an address such as "127.0.0.1:9001"'))
      .pipe(parsed(parseAddress, ['127.0.0.1:9001', '[::1]:9001'])),
  /** An IP prefix in CIDR notation, or one address. */
  prefix: () =>
    checked((text) => (isPrefix(text) ? undefined : `"${text}" is not an IP address or prefix such as 10.0.0.0/8`)),
  /** A field name in lower case. */
  fieldName: () =>
    checked(
      (text) => (isFieldName(text) ? undefined : `"${text}" is not a field name`),
      (text) => text.toLowerCase(),
    ),
  fieldValue: () => checked((text) => (isFieldValue(text) ? undefined : 'a field value holds no control characters')),
  method: () =>
    checked(
      (text) => (isFieldName(text) ? undefined : `"${text}" is not a method`),
      (text) => text.toUpperCase(),
    ),
  /** A string that passes a check of the caller's: `problem` returns what is wrong, or `undefined`. */
  checked,
};

function isPrefix(text: string): boolean {
  return parseIpPrefix(text) !== undefined;
}
