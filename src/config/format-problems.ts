// Prints what is wrong with a configuration for people: place, path, sentence, and the line itself with a mark below.
import type { ConfigurationProblem } from '#model/configuration-error.ts';

/** Text of all problems, one or a few lines each. `source` is the text of the file, where it is at hand. */
export function formatProblems(
  problems: readonly ConfigurationProblem[],
  file: string,
  source: string | undefined,
): string {
  const lines = source?.split('\n');
  return problems.map((problem) => `${formatProblem(problem, file)}${excerpt(problem, lines)}`).join('\n');
}

/** One line: `tidegate.yaml:12:5: routes[0].match: unknown key "pth"; did you mean "path"?` */
export function formatProblem(problem: ConfigurationProblem, file: string): string {
  const place = problem.line === undefined ? file : `${file}:${problem.line}:${problem.column}`;
  const path = formatPath(problem.path);
  return path === '' ? `${place}: ${problem.message}` : `${place}: ${path}: ${problem.message}`;
}

/** `routes[0].match.path` */
export function formatPath(path: readonly (string | number)[]): string {
  return path.map((step, i) => (typeof step === 'number' ? `[${step}]` : `${i === 0 ? '' : '.'}${step}`)).join('');
}

/** Of a line that is longer, what stands around the problem. */
const EXCERPT_LENGTH = 120;

function excerpt(problem: ConfigurationProblem, lines: readonly string[] | undefined): string {
  const line = lines?.[(problem.line ?? 0) - 1];
  if (line === undefined) return '';
  const at = Math.min((problem.column ?? 1) - 1, line.length);
  const from = at < EXCERPT_LENGTH * 0.75 ? 0 : at - EXCERPT_LENGTH / 2;
  // A file may hold anything, and a terminal obeys control characters.
  const shown = line.slice(from, from + EXCERPT_LENGTH).replaceAll(/\p{Cc}/gu, ' ');
  return `\n    ${shown}\n    ${' '.repeat(at - from)}^`;
}
