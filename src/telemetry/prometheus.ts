// Metrics in Prometheus' text format, version 0.0.4.
import { GRPC_STATUS_NAMES } from '#wire/grpc/status.ts';
import { CELL_METRICS, type CellMetric, type SeriesKind } from './cell-metrics.ts';
import { formatLabels, head } from './exposition.ts';
import { renderHandshakes } from './handshake-metrics.ts';
import { BUCKET_BOUNDS_MS, CELL, CLOSE_KINDS, REFUSALS } from './series.ts';

/** One series to be shown: its labels and how to read its cells. */
export interface SeriesReader {
  readonly kind: SeriesKind;
  readonly labels: Readonly<Record<string, string>>;
  read(cell: number): number;
}

/** A metric of the process itself. */
export interface ProcessMetric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly value: number;
  readonly labels?: Readonly<Record<string, string>>;
}

const KINDS: readonly SeriesKind[] = ['listener', 'route', 'upstream', 'endpoint'];

/** Renders all series, and the process's own metrics behind them. */
export function renderMetrics(series: readonly SeriesReader[], own: readonly ProcessMetric[]): string {
  const lines: string[] = [];
  for (const kind of KINDS) {
    const readers = series.filter((reader) => reader.kind === kind);
    if (readers.length === 0) continue;
    renderStatuses(lines, kind, readers);
    renderDurations(lines, kind, readers);
    for (const metric of CELL_METRICS) if (metric.kinds.includes(kind)) renderCell(lines, kind, metric, readers);
    if (kind === 'listener') {
      renderRefusals(lines, readers);
      renderHandshakes(lines, readers);
    }
    if (kind === 'route' || kind === 'upstream') renderGrpcCalls(lines, kind, readers);
    if (kind === 'route') renderCloses(lines, readers);
  }
  let name = '';
  for (const metric of own) {
    // Samples of one metric stand together, below one head.
    if (metric.name !== name) head(lines, metric.name, metric.help, metric.type);
    name = metric.name;
    lines.push(`${metric.name}${formatLabels(metric.labels ?? {})} ${metric.value}`);
  }
  return `${lines.join('\n')}\n`;
}

function renderCell(lines: string[], kind: SeriesKind, metric: CellMetric, readers: readonly SeriesReader[]): void {
  const name = `tidegate_${kind}_${metric.name}`;
  head(lines, name, metric.help, metric.type);
  for (const { labels, read } of readers) lines.push(`${name}${formatLabels(labels)} ${read(metric.cell)}`);
}

function renderStatuses(lines: string[], kind: SeriesKind, readers: readonly SeriesReader[]): void {
  const name = `tidegate_${kind}_requests_total`;
  head(lines, name, 'Exchanges by class of status.', 'counter');
  for (const { labels, read } of readers) {
    for (let digit = 1; digit <= 5; digit++) {
      lines.push(`${name}${formatLabels({ ...labels, code_class: `${digit}xx` })} ${read(CELL.status + digit)}`);
    }
  }
}

function renderRefusals(lines: string[], readers: readonly SeriesReader[]): void {
  const name = 'tidegate_listener_refusals_total';
  head(
    lines,
    name,
    'Client connections refused, by reason; for UDP, datagrams that would have begun a session.',
    'counter',
  );
  for (const { labels, read } of readers) {
    for (const [i, reason] of REFUSALS.entries())
      lines.push(`${name}${formatLabels({ ...labels, reason })} ${read(CELL.refusals + i)}`);
  }
}

/** Most routes have no such calls, and most statuses never come: only what has come is shown. */
function renderGrpcCalls(lines: string[], kind: SeriesKind, readers: readonly SeriesReader[]): void {
  const name = `tidegate_${kind}_grpc_calls_total`;
  head(lines, name, 'Calls of gRPC by status, those that the gateway has answered included.', 'counter');
  for (const { labels, read } of readers) {
    for (const [status, grpc_status] of GRPC_STATUS_NAMES.entries()) {
      const calls = read(CELL.grpcStatuses + status);
      if (calls > 0) lines.push(`${name}${formatLabels({ ...labels, grpc_status })} ${calls}`);
    }
  }
}

/** Few codes ever occur: only those that have are shown. */
function renderCloses(lines: string[], readers: readonly SeriesReader[]): void {
  const name = 'tidegate_route_websocket_closes_total';
  head(lines, name, 'WebSockets ended, by the code of the first Close frame, where a policy looks at them.', 'counter');
  for (const { labels, read } of readers) {
    for (const [i, code] of CLOSE_KINDS.entries()) {
      const count = read(CELL.closes + i);
      if (count > 0) lines.push(`${name}${formatLabels({ ...labels, code })} ${count}`);
    }
  }
}

function renderDurations(lines: string[], kind: SeriesKind, readers: readonly SeriesReader[]): void {
  const name = `tidegate_${kind}_request_duration_seconds`;
  head(lines, name, 'From the first byte of the request to the last of the response.', 'histogram');
  for (const { labels, read } of readers) {
    let count = 0;
    for (const [i, bound] of BUCKET_BOUNDS_MS.entries()) {
      count += read(CELL.durationBuckets + i);
      lines.push(`${name}_bucket${formatLabels({ ...labels, le: String(bound / 1000) })} ${count}`);
    }
    count += read(CELL.durationBuckets + BUCKET_BOUNDS_MS.length);
    lines.push(`${name}_bucket${formatLabels({ ...labels, le: '+Inf' })} ${count}`);
    lines.push(`${name}_sum${formatLabels(labels)} ${read(CELL.durationSum)}`);
    lines.push(`${name}_count${formatLabels(labels)} ${count}`);
  }
}

/** Estimates a quantile in milliseconds from a histogram, linear within its bucket; `null` when nothing was counted. */
export function estimateQuantile(read: (cell: number) => number, quantile: number): number | null {
  const counts = [...BUCKET_BOUNDS_MS, 0].map((_, i) => read(CELL.durationBuckets + i));
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  let rank = quantile * total;
  for (const [i, count] of counts.entries()) {
    const low = i === 0 ? 0 : (BUCKET_BOUNDS_MS[i - 1] as number);
    const high = BUCKET_BOUNDS_MS[i] ?? low;
    if (rank <= count) return low + ((high - low) * rank) / Math.max(count, 1);
    rank -= count;
  }
  return BUCKET_BOUNDS_MS.at(-1) ?? null;
}
