// The routes of one host by path: finds those that match, most specific first, at a cost that does not depend on their number.
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

/** Values of parameters, in the order of their segments, and the rest that `*` stands for. */
export interface Captured {
  readonly values: readonly string[];
  readonly rest: string | undefined;
  readonly groups: Readonly<Record<string, string>> | undefined;
}

/** Sees the candidates in order of precedence; returns true to stop. */
export type Visitor = (candidate: Candidate, captured: Captured) => boolean;

interface Segment {
  /** Segments by their text; up to `FEW` of them are compared one by one instead of being looked up. */
  readonly literals: Map<string, Segment>;
  readonly texts: string[];
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

/** So many texts are compared faster than one is cut out and hashed. */
const FEW = 8;

const NO_VALUES: readonly string[] = [];
const NOTHING: Captured = { values: [], rest: undefined, groups: undefined };

export class PathIndex {
  readonly #exact = new Map<string, Candidate[]>();
  readonly #root = emptySegment();
  readonly #expressions: Candidate[] = [];
  readonly #any: Candidate[] = [];
  #hasSegments = false;

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
      if (match && visitor(candidate, { values: [], rest: undefined, groups: match.groups })) return true;
    }
    return visitAll(this.#any, NOTHING, visitor);
  }

  #addPath(route: Route, path: string): void {
    const pattern = parsePathPattern(path);
    if (pattern.type === 'regexp') {
      this.#expressions.push(createCandidate(route, [], compilePathRegExp(pattern.source)));
    } else if (pattern.type === 'exact') {
      const list = this.#exact.get(pattern.path) ?? [];
      this.#exact.set(pattern.path, list);
      insert(list, createCandidate(route, [], undefined));
    } else {
      this.#hasSegments = true;
      const names = pattern.segments.filter((segment) => segment.startsWith(':')).map((segment) => segment.slice(1));
      const node = this.#nodeOf(pattern.segments);
      insert(pattern.rest ? node.prefix : node.whole, createCandidate(route, names, undefined));
    }
  }

  #nodeOf(segments: readonly string[]): Segment {
    let node = this.#root;
    for (const segment of segments) {
      if (segment.startsWith(':')) {
        node.parameter ??= emptySegment();
        node = node.parameter;
      } else {
        const next = node.literals.get(segment) ?? emptySegment();
        if (!node.literals.has(segment)) node.texts.push(segment);
        node.literals.set(segment, next);
        node = next;
      }
    }
    return node;
  }

  #visitSegments(path: string, visitor: Visitor): boolean {
    const prefixes: Prefix[] = [];
    if (this.#descend(this.#root, path, 0, NO_VALUES, prefixes, visitor)) return true;
    // Visited literal before parameter and from the root down; of two prefixes the longer wins, then the more literal.
    if (prefixes.length > 1) prefixes.sort((a, b) => b.at - a.at);
    for (const { node, at, values } of prefixes) {
      if (visitAll(node.prefix, { values, rest: path.slice(at + 1), groups: undefined }, visitor)) return true;
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
      return node.whole.length > 0 && visitAll(node.whole, { values, rest: undefined, groups: undefined }, visitor);
    }
    if (node.literals.size === 0 && !node.parameter) return false;
    const slash = path.indexOf('/', at + 1);
    const end = slash < 0 ? path.length : slash;
    const literal = literalAt(node, path, at + 1, end);
    if (literal && this.#descend(literal, path, end, values, prefixes, visitor)) return true;
    if (!node.parameter || end === at + 1) return false;
    return this.#descend(node.parameter, path, end, [...values, path.slice(at + 1, end)], prefixes, visitor);
  }
}

function literalAt({ literals, texts }: Segment, path: string, start: number, end: number): Segment | undefined {
  if (texts.length > FEW) return literals.get(path.slice(start, end));
  for (const text of texts) {
    if (text.length === end - start && path.startsWith(text, start)) return literals.get(text);
  }
  return undefined;
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

function emptySegment(): Segment {
  return { literals: new Map(), texts: [], parameter: undefined, whole: [], prefix: [] };
}
