// The patterns a route may match hosts and paths with: what is valid, and what they consist of.

import { normalizePath } from '#http/path.ts';
import { compileLinearRegExp } from '#lib/linear-regexp.ts';

export type PathPattern =
  | { readonly type: 'exact'; readonly path: string }
  /** Segments with `:name` among them; `rest` when `/*` ends it. */
  | { readonly type: 'segments'; readonly segments: readonly string[]; readonly rest: boolean }
  | { readonly type: 'regexp'; readonly source: string };

/** Splits a pattern that is valid. */
export function parsePathPattern(pattern: string): PathPattern {
  if (pattern.startsWith('~')) return { type: 'regexp', source: pattern.slice(1) };
  const rest = pattern.endsWith('/*');
  const path = rest ? pattern.slice(0, -2) : pattern;
  if (!rest && !path.includes('/:')) return { type: 'exact', path: normalizePath(path, true) ?? path };
  return { type: 'segments', segments: path === '' ? [] : path.slice(1).split('/').map(normalSegment), rest };
}

/** What is wrong with a path pattern, or `undefined`. */
export function validatePathPattern(pattern: string): string | undefined {
  if (pattern.startsWith('~')) return validateRegExp(pattern.slice(1));
  if (!pattern.startsWith('/')) return `path "${pattern}" must start with / (or with ~ for a regular expression)`;
  const body = pattern.endsWith('/*') ? pattern.slice(0, -2) : pattern;
  if (body.includes('*')) return `path "${pattern}" may hold * only as its last segment: /some/path/*`;
  const segments = body.slice(1).split('/');
  const names = segments.filter((segment) => segment.startsWith(':'));
  const badName = names.find((name) => !/^:[A-Za-z_][A-Za-z0-9_-]*$/.test(name));
  if (badName) return `path "${pattern}": "${badName}" is not a parameter name; use letters, digits, _ and -`;
  if (new Set(names).size < names.length) return `path "${pattern}" uses a parameter name twice`;
  const plain = body.replace(/\/:[A-Za-z0-9_-]+/g, '/x') || '/';
  const normal = normalizePath(plain, true);
  if (normal === undefined)
    return `path "${pattern}" holds characters or percent-encodings that are not valid in a path`;
  if (normal !== plain)
    return `path "${pattern}" is matched against normalised paths and so never matches; write it as "${normalizePath(body, true) ?? normal}"`;
  return undefined;
}

/** What is wrong with a host pattern, or `undefined`. */
export function validateHostPattern(pattern: string): string | undefined {
  const name = pattern.startsWith('*.') ? pattern.slice(2) : pattern;
  if (name.includes('*')) return `host "${pattern}" may hold * only as its first label: *.example.com`;
  if (name.includes('/') || /:\d*$/.test(name.replace(/^\[.*\]/, '')))
    return `host "${pattern}" must be a name without scheme, port or path`;
  if (!/^(?:\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z_](?:[0-9A-Za-z_.-]*[0-9A-Za-z_])?)$/.test(name))
    return `host "${pattern}" is not a host name`;
  return undefined;
}

/** Returns the pattern's expression, anchored at both ends. */
export function compilePathRegExp(source: string): RegExp {
  return compileLinearRegExp(`^(?:${source})$`);
}

function validateRegExp(source: string): string | undefined {
  try {
    compilePathRegExp(source);
    return undefined;
  } catch (error) {
    return `path "~${source}" ${(error as Error).message}`;
  }
}

function normalSegment(segment: string): string {
  if (segment.startsWith(':')) return segment;
  return normalizePath(`/${segment}`, true)?.slice(1) ?? segment;
}
