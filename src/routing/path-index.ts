// The routes of one host by path: finds those that match, most specific first, at a cost that does not depend on their number.
import { StringIndex } from '#lib/string-index.ts';
import type { Request } from '#model/message.ts';
import type { Route } from '#model/route.ts';
import { type Condition, compileConditions } from './conditions.ts';
import { compilePathRegExp, parsePathPattern } from './patterns.ts';

/** One path pattern of one route. */
export interface Candidate {
  readonly route: Route;
  readonly methods: ReadonlySet<string> | undefined;
  readonly conditions: readonly Condition[];
  /** Names of the pattern's parameters, in the order of their segments. */
  readonly names: readonly string[];
  readonly expression: RegExp | undefined;
  /** How many conditions it has: of two equal paths the one with more comes first. */
  readonly weight: number;
}

/** What a path has for the parameters of a pattern. */
export interface Captured {
  readonly path: string;
  /** Values of `:name`, in the order of their segments. */
  readonly values: readonly string[];
  /** Where the rest begins in `path` that `*` stands for; -1 when there is none. */
  readonly restAt: number;
  readonly groups: Readonly<Record<string, string>> | undefined;
}

/** Sees the candidates in order of precedence; returns true to stop. */
export type Visitor = (candidate: Candidate, captured: Captured) => boolean;

interface Segment {
  readonly parent: Segment | undefined;
  /** Of its text with the slash ahead of it, where that is a literal. */
  readonly length: number;
  readonly literals: StringIndex<Segment>;
  parameter: Segment | undefined;
  /** Patterns that end here. */
  readonly whole: Candidate[];
  /** Patterns that end here with `/*`. */
  readonly prefix: Candidate[];
}

/** A place on the way down where patterns with `/*` end. */
interface Prefix {
  readonly node: Segment;
  readonly at: number;
  readonly values: readonly string[];
}

const NO_VALUES: readonly string[] = [];
const NO_REST = -1;
const NOTHING: Captured = { path: '', values: NO_VALUES, restAt: NO_REST, groups: undefined };

export class PathIndex {
  readonly #exact = new StringIndex<Candidate[]>();
  readonly #root = createSegment(undefined, '');
  readonly #expressions: Candidate[] = [];
  readonly #any: Candidate[] = [];
  #hasSegments = false;
  #hasParameters = false;

  add(route: Route): void {
    const { paths } = route.match;
    if (paths.length === 0) insert(this.#any, createCandidate(route, [], undefined));
    for (const path of paths) this.#addPath(route, path);
  }

  /** Shows all candidates whose path matches, until the visitor says to stop; returns whether it did. */
  visit(request: Request, visitor: Visitor): boolean {
    const { path } = request;
    const exact = this.#exact.size > 0 ? this.#exact.get(path) : undefined;
    if (exact && visitAll(exact, NOTHING, visitor)) return true;
    if (this.#hasSegments && this.#visitSegments(path, visitor)) return true;
    for (const candidate of this.#expressions) {
      const match = candidate.expression?.exec(path);
      if (match && visitor(candidate, { path, values: NO_VALUES, restAt: NO_REST, groups: match.groups })) return true;
    }
    return visitAll(this.#any, NOTHING, visitor);
  }

  #addPath(route: Route, path: string): void {
    const pattern = parsePathPattern(path);
    if (pattern.type === 'regexp') {
      this.#expressions.push(createCandidate(route, [], compilePathRegExp(pattern.source)));
    } else if (pattern.type === 'exact') {
      const candidate = createCandidate(route, [], undefined);
      const list = this.#exact.get(pattern.path);
      if (list) insert(list, candidate);
      else this.#exact.add(pattern.path, [candidate]);
    } else {
      this.#hasSegments = true;
      const names = pattern.segments.filter((segment) => segment.startsWith(':')).map((segment) => segment.slice(1));
      this.#hasParameters ||= names.length > 0;
      const node = this.#nodeOf(pattern.segments);
      insert(pattern.rest ? node.prefix : node.whole, createCandidate(route, names, undefined));
    }
  }

  #nodeOf(segments: readonly string[]): Segment {
    let node = this.#root;
    for (const segment of segments) {
      if (segment.startsWith(':')) {
        node.parameter ??= createSegment(node, segment);
        node = node.parameter;
      } else {
        let next = node.literals.get(segment);
        if (!next) {
          next = createSegment(node, segment);
          node.literals.add(segment, next);
        }
        node = next;
      }
    }
    return node;
  }

  #visitSegments(path: string, visitor: Visitor): boolean {
    return this.#hasParameters ? this.#visitWays(path, visitor) : this.#visitLiterals(path, visitor);
  }

  /** Without parameters there is one way down, and the prefixes stand on the way back up. */
  #visitLiterals(path: string, visitor: Visitor): boolean {
    let node = this.#root;
    let at = 0;
    while (at < path.length && node.literals.size > 0) {
      const slash = path.indexOf('/', at + 1);
      const end = slash < 0 ? path.length : slash;
      const literal = node.literals.get(path.slice(at + 1, end));
      if (!literal) break;
      node = literal;
      at = end;
    }
    if (at >= path.length && visitAll(node.whole, NOTHING, visitor)) return true;
    for (let above: Segment | undefined = node; above; above = above.parent) {
      if (above.prefix.length > 0) {
        const captured = { path, values: NO_VALUES, restAt: at + 1, groups: undefined };
        if (visitAll(above.prefix, captured, visitor)) return true;
      }
      at -= above.length;
    }
    return false;
  }

  /** With parameters several ways down may fit. */
  #visitWays(path: string, visitor: Visitor): boolean {
    const prefixes: Prefix[] = [];
    if (this.#descend(this.#root, path, 0, NO_VALUES, prefixes, visitor)) return true;
    // Visited literal before parameter and from the root down; of two prefixes the longer wins, then the more literal.
    if (prefixes.length > 1) prefixes.sort((a, b) => b.at - a.at);
    for (const { node, at, values } of prefixes) {
      if (visitAll(node.prefix, { path, values, restAt: at + 1, groups: undefined }, visitor)) return true;
    }
    return false;
  }

  /** Goes down from `node` along the segments of `path` behind `at`; gathers the prefixes it passes. */
  #descend(
    node: Segment,
    path: string,
    at: number,
    values: readonly string[],
    prefixes: Prefix[],
    visitor: Visitor,
  ): boolean {
    if (node.prefix.length > 0) prefixes.push({ node, at, values });
    if (at >= path.length) {
      return (
        node.whole.length > 0 && visitAll(node.whole, { path, values, restAt: NO_REST, groups: undefined }, visitor)
      );
    }
    if (node.literals.size === 0 && !node.parameter) return false;
    const slash = path.indexOf('/', at + 1);
    const end = slash < 0 ? path.length : slash;
    const literal = node.literals.get(path.slice(at + 1, end));
    if (literal && this.#descend(literal, path, end, values, prefixes, visitor)) return true;
    if (!node.parameter || end === at + 1) return false;
    return this.#descend(node.parameter, path, end, [...values, path.slice(at + 1, end)], prefixes, visitor);
  }
}

function visitAll(candidates: readonly Candidate[], captured: Captured, visitor: Visitor): boolean {
  for (const candidate of candidates) if (visitor(candidate, captured)) return true;
  return false;
}

/** Keeps more conditions in front of fewer, and else the order written. */
function insert(list: Candidate[], candidate: Candidate): void {
  const at = list.findIndex((other) => other.weight < candidate.weight);
  if (at < 0) list.push(candidate);
  else list.splice(at, 0, candidate);
}

function createCandidate(route: Route, names: readonly string[], expression: RegExp | undefined): Candidate {
  const { match } = route;
  const conditions = compileConditions(match);
  const methods = match.methods.length > 0 ? new Set(match.methods) : undefined;
  // RFC 9110 9.3.2: HEAD is GET without content; a route for one serves the other.
  if (methods?.has('GET')) methods.add('HEAD');
  return { route, methods, conditions, names, expression, weight: conditions.length + (methods ? 1 : 0) };
}

function createSegment(parent: Segment | undefined, text: string): Segment {
  const length = parent ? text.length + 1 : 0;
  return { parent, length, literals: new StringIndex(), parameter: undefined, whole: [], prefix: [] };
}
