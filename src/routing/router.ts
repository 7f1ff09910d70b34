// Finds the route of a request. Precedence: the more specific host, then the more specific path, then more conditions, then
// the order written; see docs/guides/routing.md.
import { StringIndex } from '#lib/string-index.ts';
import type { Request } from '#model/message.ts';
import type { Route } from '#model/route.ts';
import type { PathParameters, RouteResult, Router } from '#model/snapshot.ts';
import { type Candidate, type Captured, PathIndex } from './path-index.ts';

/** Builds the index over all routes. Throws on patterns that `patterns.ts` finds wrong. */
export function createRouter(routes: readonly Route[]): Router {
  const index = new RouteIndex();
  for (const route of routes) index.add(route);
  return index;
}

/** A router that takes its routes one by one. */
export class RouteIndex implements Router {
  readonly #exact = new StringIndex<PathIndex>();
  /** By what follows `*`: `.example.com`. */
  readonly #wildcards = new StringIndex<PathIndex>();
  readonly #any = new PathIndex();

  /** Throws on a pattern that `patterns.ts` finds wrong. */
  add(route: Route): void {
    const { hosts } = route.match;
    if (hosts.length === 0) this.#any.add(route);
    for (const host of hosts) {
      const lower = host.toLowerCase();
      if (lower.startsWith('*')) indexOf(this.#wildcards, lower.slice(1)).add(route);
      else indexOf(this.#exact, lower).add(route);
    }
  }

  match(request: Request, clientAddress: string): RouteResult | undefined {
    let result: RouteResult | undefined;
    this.#visitHosts(request, (candidate, captured) => {
      if (candidate.methods && !candidate.methods.has(request.method)) return false;
      if (!holds(candidate, request, clientAddress)) return false;
      result = { route: candidate.route, parameters: parametersOf(candidate, captured) };
      return true;
    });
    return result;
  }

  allowedMethods(request: Request, clientAddress: string): readonly string[] {
    const methods = new Set<string>();
    this.#visitHosts(request, (candidate) => {
      if (candidate.methods && holds(candidate, request, clientAddress))
        for (const method of candidate.methods) methods.add(method);
      return false;
    });
    return [...methods];
  }

  /** A host whose routes do not match falls through to less specific ones. */
  #visitHosts(request: Request, visitor: (candidate: Candidate, captured: Captured) => boolean): void {
    const { host } = request;
    if (this.#exact.get(host)?.visit(request, visitor)) return;
    if (this.#wildcards.size > 0) {
      for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1)) {
        if (dot > 0 && this.#wildcards.get(host.slice(dot))?.visit(request, visitor)) return;
      }
    }
    this.#any.visit(request, visitor);
  }
}

function indexOf(hosts: StringIndex<PathIndex>, host: string): PathIndex {
  const known = hosts.get(host);
  if (known) return known;
  const index = new PathIndex();
  hosts.add(host, index);
  return index;
}

function holds(candidate: Candidate, request: Request, clientAddress: string): boolean {
  for (const condition of candidate.conditions) if (!condition(request, clientAddress)) return false;
  return true;
}

function parametersOf(candidate: Candidate, captured: Captured): PathParameters | undefined {
  const has = candidate.names.length > 0 || captured.restAt >= 0 || captured.groups !== undefined;
  return has ? new CapturedParameters(candidate.names, captured) : undefined;
}

/** Looks a parameter up when it is asked for: few are. */
class CapturedParameters implements PathParameters {
  readonly #names: readonly string[];
  readonly #captured: Captured;

  constructor(names: readonly string[], captured: Captured) {
    this.#names = names;
    this.#captured = captured;
  }

  get(name: string): string | undefined {
    const { path, values, restAt, groups } = this.#captured;
    if (groups) return Object.hasOwn(groups, name) ? groups[name] : undefined;
    if (name === '*') return restAt < 0 ? undefined : path.slice(restAt);
    return values[this.#names.indexOf(name)];
  }
}
