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
    return flattenIssues(likeliest(issue.errors), knownKeys, path);
  if (issue.code === 'invalid_key') return (issue.issues ?? []).map(({ message }) => ({ path, message }));
  if (issue.code === 'invalid_type') return [{ path, message: wrongType(issue) }];
  if (issue.code === 'invalid_value') return [{ path, message: wrongValue(issue) }];
  return [{ path, message: issue.message }];
}

function unknownKey(key: string, known: readonly string[]): string {
  const near = nearest(key, known);
  if (near) return `unknown key "${key}"; did you mean "${near}"?`;
  return known.length === 0 ? `unknown key "${key}"` : `unknown key "${key}"; there are ${known.join(', ')}`;
}

/** The member of a union that fits best: one whose own type fits, with the fewest problems inside. */
function likeliest(members: readonly (readonly Issue[])[]): readonly Issue[] {
  const score = (issues: readonly Issue[]) =>
    issues.reduce((sum, issue) => sum + (issue.path.length === 0 && issue.code === 'invalid_type' ? 100 : 1), 0);
  return [...members].sort((a, b) => score(a) - score(b))[0] ?? [];
}

function wrongType(issue: Issue): string {
  if (issue.input === undefined) return `is missing; it must be ${withArticle(issue.expected ?? 'value')}`;
  if (/^Invalid input/.test(issue.message))
    return `must be ${withArticle(issue.expected ?? 'value')}, not ${typeName(issue.input)}`;
  return issue.message;
}

function wrongValue(issue: Issue): string {
  const values = (issue.values ?? []).map(String);
  const near = typeof issue.input === 'string' ? nearest(issue.input, values) : undefined;
  const given = issue.input === undefined ? 'is missing' : `${JSON.stringify(issue.input)} is not valid`;
  return `${given}; ${near ? `did you mean "${near}"?` : `must be ${values.length > 1 ? 'one of ' : ''}${values.join(', ')}`}`;
}

function withArticle(type: string): string {
  if (type === 'record') return 'a mapping';
  if (type === 'int') return 'a whole number';
  return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`;
}

function typeName(value: unknown): string {
  if (value === null) return 'nothing (null)';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'a mapping' : `the ${typeof value} ${JSON.stringify(value)}`;
}
