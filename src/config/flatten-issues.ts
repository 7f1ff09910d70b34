// Turns what the schema library finds into sentences for people: one problem each, with the nearest right word.
import { nearest } from '#lib/nearest.ts';
import type { ConfigurationProblem } from '#model/configuration-error.ts';

/** The parts of a schema library's issue that are read here. */
export interface Issue {
  readonly code?: string | undefined;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[];
  readonly input?: unknown;
  readonly expected?: string;
  readonly errors?: readonly (readonly Issue[])[];
  /** What is wrong with a key of a mapping. */
  readonly issues?: readonly Issue[];
  readonly values?: readonly unknown[];
  /** Of a bound: what has it, such as `number`, and the bound itself. */
  readonly origin?: string;
  readonly minimum?: number | bigint;
  readonly maximum?: number | bigint;
  /** Set by `moduleOptions`, into which a path cannot be followed. */
  readonly knownKeys?: readonly string[];
}

type Path = readonly (string | number)[];

/** Tells the keys that may stand at a path. */
export type KnownKeys = (path: Path) => readonly string[];

/** All problems of `issues`; those inside unions are taken from the member that was most likely meant. */
export function flattenIssues(issues: readonly Issue[], knownKeys: KnownKeys, base: Path = []): ConfigurationProblem[] {
  return issues.flatMap((issue) => flatten(issue, knownKeys, base));
}

function flatten(issue: Issue, knownKeys: KnownKeys, base: Path): ConfigurationProblem[] {
  const path = [...base, ...issue.path.map((key) => (typeof key === 'symbol' ? String(key) : key))];
  if (issue.code === 'unrecognized_keys') {
    const known = issue.knownKeys ?? knownKeys(path);
    return (issue.keys ?? []).map((key) => ({ path: [...path, key], message: unknownKey(key, known) }));
  }
  if (issue.code === 'invalid_union' && issue.errors && issue.errors.length > 0)
    return flattenUnion(issue.errors, issue.input, knownKeys, path);
  if (issue.code === 'invalid_key') return (issue.issues ?? []).map(({ message }) => ({ path, message }));
  if (issue.code === 'invalid_type') return [{ path, message: wrongType(issue) }];
  if (issue.code === 'invalid_value') return [{ path, message: wrongValue(issue) }];
  if (issue.code === 'too_small' || issue.code === 'too_big') return [{ path, message: outOfBounds(issue) }];
  return [{ path, message: issue.message }];
}

function unknownKey(key: string, known: readonly string[]): string {
  const near = nearest(key, known);
  if (near) return `unknown key "${key}"; did you mean "${near}"?`;
  return known.length === 0 ? `unknown key "${key}"` : `unknown key "${key}"; there are ${known.join(', ')}`;
}

/** What is wrong with the member that was most likely meant, or what may stand there when no member has the type of the value. */
function flattenUnion(
  members: readonly (readonly Issue[])[],
  input: unknown,
  knownKeys: KnownKeys,
  path: Path,
): ConfigurationProblem[] {
  const fitting = members.filter((issues) => !issues.some(isOtherType));
  if (fitting.length === 0) return [{ path, message: noneOf(members.flat(), input) }];
  const [best = []] = fitting.toSorted((a, b) => a.length - b.length);
  // The key that an object lacks is that of one member among several: it is an unknown key that tells what is wrong.
  const unknown = best.filter(({ code }) => code === 'unrecognized_keys');
  const lacking = [
    ...new Set(
      fitting
        .flat()
        .filter(isMissing)
        .map((issue) => String(issue.path[0])),
    ),
  ];
  if (unknown.length > 0)
    return flattenIssues(unknown, (at) => (at.length === path.length ? lacking : knownKeys(at)), path);
  const isEmpty = typeof input === 'object' && input !== null && Object.keys(input).length === 0;
  if (isEmpty && lacking.length > 1) return [{ path, message: `must have one of ${lacking.join(', ')}` }];
  return flattenIssues(best, knownKeys, path);
}

/** Whether the value as a whole is not of the type that a member of a union wants, or not one of its values. */
function isOtherType({ path, code }: Issue): boolean {
  return path.length === 0 && (code === 'invalid_type' || code === 'invalid_value');
}

/** Whether it is about a key of the value itself that is not there. */
function isMissing({ path, input }: Issue): boolean {
  return path.length === 1 && input === undefined;
}

function noneOf(issues: readonly Issue[], input: unknown): string {
  const values = issues.flatMap((issue) => (issue.path.length === 0 ? (issue.values ?? []) : [])).map(String);
  const types = issues
    .filter(isOtherType)
    .flatMap(({ expected }) => (expected === undefined ? [] : [withArticle(expected)]));
  return wrongChoice(input, values, [...new Set(types)]);
}

function wrongType(issue: Issue): string {
  if (issue.input === undefined) return `is missing; it must be ${withArticle(issue.expected ?? 'value')}`;
  if (/^Invalid input/.test(issue.message))
    return `must be ${withArticle(issue.expected ?? 'value')}, not ${typeName(issue.input)}`;
  return issue.message;
}

function wrongValue({ input, values }: Issue): string {
  return wrongChoice(input, (values ?? []).map(String), []);
}

/** `types` are what else may stand there. */
function wrongChoice(input: unknown, values: readonly string[], types: readonly string[]): string {
  const near = typeof input === 'string' ? nearest(input, values) : undefined;
  const named = values.length > 1 ? `one of ${values.join(', ')}` : values.join('');
  const list = [named, ...types].filter((part) => part !== '').join(' or ');
  const given = input === undefined ? 'is missing' : `${JSON.stringify(input)} is not valid`;
  return `${given}; ${near ? `did you mean "${near}"?` : `must be ${list}`}`;
}

/** Says nothing of the value, which may be a secret. */
function outOfBounds({ code, origin, minimum, maximum }: Issue): string {
  const bound = code === 'too_small' ? `at least ${minimum}` : `at most ${maximum}`;
  const isOne = (code === 'too_small' ? minimum : maximum) === 1;
  if (origin === 'string') return `must have ${bound} character${isOne ? '' : 's'}`;
  if (origin === 'array') return `must have ${bound} item${isOne ? '' : 's'}`;
  return `must be ${bound}`;
}

function withArticle(type: string): string {
  if (type === 'record' || type === 'object') return 'a mapping';
  if (type === 'array') return 'a list';
  if (type === 'int') return 'a whole number';
  return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`;
}

function typeName(value: unknown): string {
  if (value === null) return 'nothing (null)';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'a mapping' : `the ${typeof value} ${JSON.stringify(value)}`;
}
