// Charts for a terminal: one line of bars of eight heights.

const BARS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;

export interface ChartLine {
  readonly label: string;
  /** A column each; `null` where there is nothing. */
  readonly values: readonly (number | null)[];
}

/**
 * Lines of one scale under a title, in which `{full}` stands for what the full height is, as `format` writes it. A value of 0 or
 * `null` is a blank; the least other value is the lowest bar.
 */
export function formatChart(title: string, lines: readonly ChartLine[], format: (value: number) => string): string {
  const full = Math.max(0, ...lines.flatMap(({ values }) => values.map((value) => value ?? 0)));
  const width = Math.max(...lines.map(({ label }) => label.length));
  const rows = lines.map(
    ({ label, values }) => `  ${label.padEnd(width)}  ${values.map((value) => bar(value, full)).join('')}`,
  );
  return [title.replace('{full}', format(full)), ...rows.map((row) => row.trimEnd())].join('\n');
}

function bar(value: number | null, full: number): string {
  if (value === null || value <= 0) return ' ';
  return BARS[Math.min(BARS.length, Math.ceil((value / full) * BARS.length)) - 1] as string;
}
