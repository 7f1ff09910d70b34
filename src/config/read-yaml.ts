// Reads a YAML text as plain data, takes in what variables and files hold that it refers to, and remembers where everything stands.
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type Range } from 'yaml';
import type { ConfigurationProblem } from '#model/configuration-error.ts';

/** Where a value of the configuration stands: 1-based. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface SourceText {
  readonly input: unknown;
  readonly problems: readonly ConfigurationProblem[];
  /** Paths, as JSON, of values that came from a variable or another file: they may be secrets. */
  readonly secretPaths: ReadonlySet<string>;
  /** The place of a path, or of the nearest thing around it that is in the text. */
  positionOf(path: readonly (string | number)[]): Position;
}

/** How references to the surroundings are looked up; both return `undefined` when there is nothing. */
export interface References {
  env(name: string): string | undefined;
  file(path: string): string | undefined;
}

/** Aliases that expand to more than this many nodes are taken for an attack. */
const MAX_ALIASES = 1000;

const PEM_OPTIONS: ReadonlySet<string | number> = new Set(['ca', 'cert', 'key']);

const REFERENCE = /\$\{(env|file):([^}]*)\}/g;

export function readYaml(text: string, references: References): SourceText {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false, uniqueKeys: true });
  const at = (offset: number): Position => {
    const { line, col } = lineCounter.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const positionOf = (path: readonly (string | number)[]) => at(offsetOf(document.contents, path));
  const problems: ConfigurationProblem[] = document.errors.map((error) => ({
    path: [],
    message: firstSentence(error.message),
    ...at(error.pos[0]),
  }));
  const secretPaths = new Set<string>();
  let input: unknown;
  if (problems.length === 0) {
    try {
      input = document.toJS({ maxAliasCount: MAX_ALIASES });
    } catch (error) {
      problems.push({ path: [], message: (error as Error).message, line: 1, column: 1 });
    }
    input = resolveReferences(input, [], references, (path, problem) => {
      secretPaths.add(JSON.stringify(path));
      if (problem) problems.push({ path, message: problem, ...positionOf(path) });
    });
  }
  return { input, problems, secretPaths, positionOf };
}

/** Replaces references in all strings, and files that are named where their text is meant; `found` is told each place, and what is wrong there. */
export function resolveReferences(
  value: unknown,
  path: readonly (string | number)[],
  references: References,
  found: (path: readonly (string | number)[], problem: string | undefined) => void,
): unknown {
  if (typeof value === 'string') {
    if (namesPemFile(value, path)) {
      const content = references.file(value);
      found(path, content === undefined ? `${missing('file', value)}; it is relative to the configuration` : undefined);
      return content ?? '';
    }
    return value.replace(REFERENCE, (_whole, kind: string, name: string) => {
      const content = kind === 'env' ? references.env(name) : references.file(name);
      found(path, content === undefined ? missing(kind, name) : undefined);
      return content ?? '';
    });
  }
  if (Array.isArray(value)) return value.map((item, i) => resolveReferences(item, [...path, i], references, found));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, resolveReferences(item, [...path, key], references, found)]),
  );
}

/** Whether it is the path of a file in an option of TLS with endpoints, which take what is in it. Those of listeners watch their files. */
function namesPemFile(value: string, path: readonly (string | number)[]): boolean {
  const isOption = path[0] === 'upstreams' && path.at(-2) === 'tls' && PEM_OPTIONS.has(path.at(-1) ?? '');
  return isOption && value !== '' && !/\n|-----BEGIN |\$\{(?:env|file):/.test(value);
}

function missing(kind: string, name: string): string {
  return kind === 'env' ? `the environment variable ${name} is not set` : `the file ${name} cannot be read`;
}

/** Offset of the key or item at `path`, or of the innermost node around it. */
function offsetOf(root: Node | null, path: readonly (string | number)[]): number {
  let node: unknown = root;
  let offset = rangeOf(root)?.[0] ?? 0;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => (isScalar(key) ? String(key.value) : String(key)) === String(step));
      if (!pair) break;
      offset = rangeOf(pair.key)?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      offset = rangeOf(node)?.[0] ?? offset;
    } else {
      break;
    }
  }
  return offset;
}

function rangeOf(node: unknown): Range | null | undefined {
  return (node as { range?: Range | null } | null | undefined)?.range;
}

function firstSentence(message: string): string {
  return message.split('\n')[0] as string;
}
