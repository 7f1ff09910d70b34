// The conditions of a route besides host and path, compiled to one test each.
import { queryParameter } from '#http/query.ts';
import { compileLinearRegExp } from '#lib/linear-regexp.ts';
import { PrefixSet } from '#lib/prefix-set.ts';
import type { Request } from '#model/message.ts';
import type { RouteMatch, ValueMatch } from '#model/route.ts';

export type Condition = (request: Request, clientAddress: string) => boolean;

/** The conditions of a match but for its methods. */
export function compileConditions(match: RouteMatch): readonly Condition[] {
  const conditions: Condition[] = [];
  for (const field of match.fields) {
    const test = compileValueMatch(field);
    conditions.push((request) => test(request.fields.get(field.name)));
  }
  for (const parameter of match.query) {
    const test = compileValueMatch(parameter);
    conditions.push((request) => test(queryParameter(request.query, parameter.name)));
  }
  if (match.clients.length > 0) {
    const prefixes = new PrefixSet(match.clients);
    conditions.push((_request, clientAddress) => prefixes.has(clientAddress));
  }
  return conditions;
}

function compileValueMatch(match: ValueMatch): (value: string | undefined) => boolean {
  const { equals, prefix, matches, present } = match;
  if (equals !== undefined) return (value) => value === equals;
  if (prefix !== undefined) return (value) => value?.startsWith(prefix) ?? false;
  if (matches !== undefined) {
    const expression = compileLinearRegExp(matches);
    return (value) => value !== undefined && expression.test(value);
  }
  return (value) => (value !== undefined) === (present ?? true);
}
