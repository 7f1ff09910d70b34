// Counts exchanges that failed, by error, in a series of their own: workers count, the main thread shows.
import { seriesKey } from '#config/compile-host.ts';
import { CELLS_PER_SERIES, type Series } from '#memory/series-table.ts';
import { ERROR_CODES, ERROR_KINDS, type ErrorCode } from '#model/proxy-error.ts';
import type { ProcessMetric } from '#telemetry/prometheus.ts';
import { GAUGE_CELLS } from '#telemetry/series.ts';
import type { SharedMemory } from './shared-memory.ts';

/** The cells that count, one for each error: those that a worker's death empties are left out. */
export const COUNTING_CELLS: readonly number[] = Array.from({ length: CELLS_PER_SERIES }, (_, cell) => cell).filter(
  (cell) => !GAUGE_CELLS.includes(cell),
);

const cellOf = new Map<ErrorCode, number>(ERROR_CODES.map((code, i) => [code, COUNTING_CELLS[i] as number]));

/** Counts one exchange in `series`, which is that of `seriesKey.errors`. */
export function countError(series: Series, code: ErrorCode): void {
  const cell = cellOf.get(code) as number;
  series[cell] = (series[cell] as number) + 1;
}

/** All errors, also those that have not come yet. */
export function errorMetrics(memory: Pick<SharedMemory, 'read'>): readonly ProcessMetric[] {
  return ERROR_CODES.map((error) => ({
    name: 'tidegate_errors_total',
    help: 'Exchanges that failed or were refused, by error and by who caused it.',
    type: 'counter',
    value: memory.read(seriesKey.errors, cellOf.get(error) as number),
    labels: { error, side: ERROR_KINDS[error].side },
  }));
}
