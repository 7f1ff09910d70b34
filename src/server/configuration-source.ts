// Where the configuration comes from, a file or a program, and how to get it again.
import { readFileSync, watch } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { formatProblem, formatProblems } from '#config/format-problems.ts';
import { checkConfiguration, type LoadedConfiguration, loadConfiguration, referencesFor } from '#config/load.ts';
import { ConfigurationError, type ConfigurationProblem } from '#model/configuration-error.ts';

export type LoadResult =
  | ({ readonly ok: true } & LoadedConfiguration)
  /** `text` is for a terminal, `lines` are one a problem. */
  | { readonly ok: false; readonly text: string; readonly lines: readonly string[] };

export interface ConfigurationSource {
  readonly file: string | undefined;
  load(): Promise<LoadResult>;
  /** What compiling found wrong, as `load` gives what reading does. */
  refuse(problems: readonly ConfigurationProblem[]): LoadResult & { readonly ok: false };
  /** Calls back when the file may have changed; returns how to stop. */
  watch(changed: () => void): () => void;
}

/** Editors write in several steps: a change counts when it has been quiet for so long. */
const SETTLE_MS = 100;

export function createSource(options: {
  readonly file?: string | undefined;
  readonly configuration?: unknown;
}): ConfigurationSource {
  const { file, configuration } = options;
  const name = file ?? 'configuration';
  let positionOf: LoadedConfiguration['positionOf'] = () => ({});
  const refuse = (found: readonly ConfigurationProblem[]) => {
    const problems = found.map((problem) => ({ ...positionOf(problem.path), ...problem })).toSorted(byPlace);
    return {
      ok: false as const,
      text: formatProblems(problems, name, file === undefined ? undefined : readText(file)),
      lines: problems.map((problem) => formatProblem(problem, name)),
    };
  };
  return {
    file,
    refuse,
    async load() {
      positionOf = () => ({});
      try {
        const loaded =
          file === undefined
            ? checkConfiguration(configuration, referencesFor('.', process.env))
            : await loadConfiguration(file);
        positionOf = loaded.positionOf;
        return { ok: true, ...loaded };
      } catch (error) {
        if (error instanceof ConfigurationError) return refuse(error.problems);
        throw error;
      }
    },
    watch: (changed) => (file === undefined ? () => {} : watchFile(file, changed)),
  };
}

function byPlace(a: ConfigurationProblem, b: ConfigurationProblem): number {
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}

/** Watches the folder, as editors replace a file rather than write into it. */
function watchFile(file: string, changed: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  let last = readText(file);
  const look = (): void => {
    const text = readText(file);
    if (text === undefined || text === last) return;
    last = text;
    changed();
  };
  try {
    const watcher = watch(dirname(resolve(file)), { persistent: false }, (_event, name) => {
      if (name !== null && name !== basename(file)) return;
      clearTimeout(timer);
      timer = setTimeout(look, SETTLE_MS);
    });
    watcher.on('error', () => watcher.close());
    return () => {
      clearTimeout(timer);
      watcher.close();
    };
  } catch {
    // Without a watcher the file is read again on SIGHUP and by the admin API.
    return () => {};
  }
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
