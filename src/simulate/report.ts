// What simulations found, as tables and charts for a terminal, side by side.
import { formatTable } from '#lib/text-table.ts';
import { type ChartLine, formatChart } from './chart.ts';
import type { RunSummary } from './summary.ts';

/** Events of one run that are listed; more only repeat themselves. */
const MAX_EVENTS = 10;

/** `head` says what was simulated. */
export function formatReport(head: string, runs: readonly RunSummary[]): string {
  const parts = [head, formatRuns(runs), formatEndpoints(runs), formatCharts(runs), ...runs.flatMap(formatEvents)];
  return parts.join('\n\n').concat('\n');
}

function formatRuns(runs: readonly RunSummary[]): string {
  const row = (title: string, value: (run: RunSummary) => string | number) => [title, ...runs.map(value)];
  const rows = [
    row('requests', ({ requests }) => requests),
    row('latency p50', ({ latencyMs }) => formatMs(latencyMs.p50)),
    row('latency p99', ({ latencyMs }) => formatMs(latencyMs.p99)),
    row('latency max', ({ latencyMs }) => formatMs(latencyMs.max)),
    row('retries', ({ retries }) => retries),
    row('ejections', ({ ejections }) => ejections),
    row('refused with 429', ({ refused }) => refused['429']),
    row('refused with 503', ({ refused }) => refused['503']),
    row('other failures', ({ failed }) => failed),
  ];
  if (runs.some(({ elsewhere }) => elsewhere > 0)) rows.push(row('went elsewhere', ({ elsewhere }) => elsewhere));
  return formatTable(['', ...runs.map(({ label }) => label)], rows);
}

function formatEndpoints(runs: readonly RunSummary[]): string {
  const rows = runs.flatMap(({ label, endpoints }) =>
    endpoints.map(({ name, share, attempts, failures, ejections, latencyMs }) => [
      label,
      name,
      `${(share * 100).toFixed(1)}%`.padStart(6),
      attempts,
      failures,
      ejections,
      formatMs(latencyMs.p50),
      formatMs(latencyMs.p99),
    ]),
  );
  return formatTable(['RUN', 'ENDPOINT', 'SHARE', 'ATTEMPTS', 'FAILURES', 'EJECTIONS', 'P50', 'P99'], rows);
}

function formatCharts(runs: readonly RunSummary[]): string {
  const ends = formatMs(Math.max(...runs.map(({ durationMs }) => durationMs)));
  const latency = runs.map(({ label, timeline }): ChartLine => ({ label, values: timeline.p99Ms }));
  const load = runs.flatMap(({ label, timeline }): ChartLine[] =>
    Object.entries(timeline.endpoints).map(([endpoint, values]) => ({ label: `${label} ${endpoint}`, values })),
  );
  return [
    formatChart(`99th percentile of latency from 0 to ${ends}, full height {full}`, latency, formatMs),
    formatChart(`requests in flight from 0 to ${ends}, full height {full}`, load, (value) => value.toFixed(1)),
  ].join('\n\n');
}

function formatEvents({ label, events }: RunSummary): readonly string[] {
  if (events.length === 0) return [];
  const lines = events
    .slice(0, MAX_EVENTS)
    .map(({ atMs, endpoint, what, reason }) => `  ${formatMs(atMs).padStart(7)}  ${endpoint}: ${what} (${reason})`);
  const more = events.length - MAX_EVENTS;
  return [[label, ...lines, ...(more > 0 ? [`  and ${more} more`] : [])].join('\n')];
}

/** `12.3ms`, `450ms`, `1.25s`. */
export function formatMs(ms: number | null): string {
  if (ms === null) return '-';
  if (ms < 100) return `${ms.toFixed(1)}ms`;
  return ms < 1000 ? `${Math.round(ms)}ms` : `${(ms / 1000).toFixed(2)}s`;
}
