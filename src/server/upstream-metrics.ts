// Metrics of upstreams that are no counts of exchanges: the sessions they keep.
import { sessionTableOf } from '#config/compile-host.ts';
import type { Config } from '#config/config-schema.ts';
import type { ProcessMetric } from '#telemetry/prometheus.ts';
import type { SharedMemory } from './shared-memory.ts';

/** `wallMs` is wall-clock time. */
export function sessionMetrics(config: Config, memory: SharedMemory, wallMs: number): readonly ProcessMetric[] {
  const tables = Object.entries(config.upstreams).flatMap(([upstream, options]) => {
    const table = memory.sessions(sessionTableOf(upstream, options)?.key ?? '');
    return table ? [{ labels: { upstream }, table }] : [];
  });
  return [
    ...tables.map(
      ({ labels, table }): ProcessMetric => ({
        name: 'tidegate_upstream_sessions',
        help: 'Sessions that are bound to an endpoint.',
        type: 'gauge',
        value: table.count(wallMs),
        labels,
      }),
    ),
    ...tables.map(
      ({ labels, table }): ProcessMetric => ({
        name: 'tidegate_upstream_session_evictions_total',
        help: 'Sessions forgotten before their time for want of room.',
        type: 'counter',
        value: table.evictions,
        labels,
      }),
    ),
  ];
}
