// Counts breaches of HTTP/2 by clients, by kind, in a series of their own: workers count, the main thread shows.
import { seriesKey } from '#config/compile-host.ts';
import type { Series } from '#memory/series-table.ts';
import type { ProcessMetric } from '#telemetry/prometheus.ts';
import { BREACH_KINDS, type BreachKind } from '#wire/http2/http2-error.ts';
import { COUNTING_CELLS } from './error-counts.ts';
import type { SharedMemory } from './shared-memory.ts';

const cellOf = new Map<BreachKind, number>(BREACH_KINDS.map((kind, i) => [kind, COUNTING_CELLS[i] as number]));

/** Counts one breach in `series`, which is that of `seriesKey.breaches`. */
export function countBreach(series: Series, kind: BreachKind): void {
  const cell = cellOf.get(kind) as number;
  series[cell] = (series[cell] as number) + 1;
}

/** All kinds, also those that have not come yet. */
export function breachMetrics(memory: Pick<SharedMemory, 'read'>): readonly ProcessMetric[] {
  return BREACH_KINDS.map((kind) => ({
    name: 'tidegate_http2_breaches_total',
    help: 'Breaches of HTTP/2 by clients that cost them a stream or the connection: floods by name, others by the error code of RFC 9113.',
    type: 'counter',
    value: memory.read(seriesKey.breaches, cellOf.get(kind) as number),
    labels: { kind },
  }));
}
