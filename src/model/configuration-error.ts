// What is wrong with a configuration, all of it at once, each with its place.

export interface ConfigurationProblem {
  /** Keys and indexes from the root: `['routes', 0, 'match', 'path']`. */
  readonly path: readonly (string | number)[];
  /** What is wrong and what to do, one sentence. */
  readonly message: string;
  /** 1-based; filled in by whoever knows the source text. */
  readonly line?: number | undefined;
  readonly column?: number | undefined;
}

export class ConfigurationError extends Error {
  readonly problems: readonly ConfigurationProblem[];

  constructor(problems: readonly ConfigurationProblem[] | string) {
    const list = typeof problems === 'string' ? [{ path: [], message: problems }] : problems;
    super(list.map((problem) => problem.message).join('\n'));
    this.name = 'ConfigurationError';
    this.problems = list;
  }
}
