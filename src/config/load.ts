// Loads a configuration file, YAML or TypeScript: from the text to a validated configuration, or all its problems at once.
import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ConfigurationError, type ConfigurationProblem } from '#model/configuration-error.ts';
import type { Config } from './config-schema.ts';
import { type Position, type References, readYaml, resolveReferences } from './read-yaml.ts';
import { validate } from './validate.ts';

const MAX_FILE_BYTES = 64 * 1024 * 1024;

export interface LoadedConfiguration {
  readonly config: Config;
  /** Paths, as JSON, of values that came from variables or files and are not shown. */
  readonly secretPaths: ReadonlySet<string>;
  /** Where in the file the value at a path stands; nowhere when there is no text. */
  readonly positionOf: (path: readonly (string | number)[]) => Partial<Position>;
}

/** Loads a file. Throws a `ConfigurationError`. */
export async function loadConfiguration(file: string): Promise<LoadedConfiguration> {
  const references = referencesFor(file, process.env);
  if (/\.[cm]?[jt]s$/.test(file)) return checkConfiguration(await importModule(file), references);
  return parseConfiguration(readText(file), references);
}

/** Reads YAML text. Throws a `ConfigurationError`. */
export function parseConfiguration(text: string, references: References): LoadedConfiguration {
  const source = readYaml(text, references);
  if (source.input === undefined && source.problems.length > 0) throw new ConfigurationError(source.problems);
  const { config, problems } = validate(source.input);
  if (!config || source.problems.length > 0)
    throw new ConfigurationError([
      ...source.problems,
      ...notOf(source.problems, problems).map((problem) => ({ ...problem, ...source.positionOf(problem.path) })),
    ]);
  return { config, secretPaths: source.secretPaths, positionOf: source.positionOf };
}

/** Checks plain data, as a program hands it in. Throws a `ConfigurationError` whose problems have no lines. */
export function checkConfiguration(input: unknown, references: References): LoadedConfiguration {
  const secretPaths = new Set<string>();
  const missing: ConfigurationProblem[] = [];
  const resolved = resolveReferences(input, [], references, (path, problem) => {
    secretPaths.add(JSON.stringify(path));
    if (problem) missing.push({ path, message: problem });
  });
  const { config, problems } = validate(resolved);
  if (!config || missing.length > 0) throw new ConfigurationError([...missing, ...notOf(missing, problems)]);
  return { config, secretPaths, positionOf: () => ({}) };
}

/** What is wrong elsewhere: a value that is missing cannot be right either. */
function notOf(
  missing: readonly ConfigurationProblem[],
  problems: readonly ConfigurationProblem[],
): readonly ConfigurationProblem[] {
  const places = new Set(missing.map(({ path }) => path.join('\n')));
  return problems.filter(({ path }) => !places.has(path.join('\n')));
}

/** Looks references up in `environment`, and in files relative to the configuration file. */
export function referencesFor(file: string, environment: NodeJS.ProcessEnv): References {
  return {
    env: (name) => environment[name],
    file: (path) => {
      try {
        return readFileSync(resolve(dirname(file), path), 'utf8').replace(/\r?\n$/, '');
      } catch {
        return undefined;
      }
    },
  };
}

function readText(file: string): string {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (!stats) throw new ConfigurationError('there is no such file');
  if (stats.isDirectory()) throw new ConfigurationError('is a folder; name a file in it');
  if (stats.size > MAX_FILE_BYTES) throw new ConfigurationError('is larger than 64 MiB');
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigurationError(`cannot be read: ${(error as Error).message}`);
  }
}

async function importModule(file: string): Promise<unknown> {
  // A file that changed is another module: the version keeps the loader from giving the old one.
  const url = `${pathToFileURL(resolve(file)).href}?version=${statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0}`;
  try {
    const module = (await import(url)) as { default?: unknown };
    if (module.default === undefined) throw new Error('it has no default export: export default defineConfig({ … })');
    return module.default;
  } catch (error) {
    throw new ConfigurationError(`cannot be loaded: ${(error as Error).message}`);
  }
}
