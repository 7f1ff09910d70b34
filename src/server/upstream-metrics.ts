// Metrics of upstreams that are no counts of exchanges: their load, as autoscalers want it, and the sessions they keep.
import { sessionTableOf } from '#config/compile-host.ts';
import type { Config } from '#config/config-schema.ts';
import type { ScalingSignal } from '#schema/admin-schemas.ts';
import type { ProcessMetric } from '#telemetry/prometheus.ts';
import type { SharedMemory } from './shared-memory.ts';

interface Gauge {
  readonly name: string;
  readonly help: string;
  /** `null` where there is nothing to tell. */
  readonly read: (signal: ScalingSignal) => number | null;
  readonly labels?: Readonly<Record<string, string>>;
}

const LATENCY = {
  name: 'tidegate_upstream_latency_seconds',
  help: 'Duration of exchanges within the window of scaling, estimated.',
};
const seconds = (ms: number | null) => (ms === null ? null : ms / 1000);

const GAUGES: readonly Gauge[] = [
  {
    name: 'tidegate_upstream_in_flight',
    help: 'Requests under way at endpoints.',
    read: ({ inFlight }) => inFlight,
  },
  {
    name: 'tidegate_upstream_waiting',
    help: 'Requests that wait: for their turn, for a connection, or for the upstream to wake up.',
    read: ({ waiting }) => waiting,
  },
  { ...LATENCY, read: ({ latencyMs }) => seconds(latencyMs.p50), labels: { quantile: '0.5' } },
  { ...LATENCY, read: ({ latencyMs }) => seconds(latencyMs.p90), labels: { quantile: '0.9' } },
  {
    name: 'tidegate_upstream_usable_endpoints',
    help: 'Endpoints that take requests.',
    read: ({ endpoints }) => endpoints.usable,
  },
  {
    name: 'tidegate_upstream_capacity',
    help: 'Requests in flight that the usable endpoints should have.',
    read: ({ capacity }) => capacity,
  },
  {
    name: 'tidegate_upstream_desired_endpoints',
    help: 'Endpoints that the load asks for.',
    read: ({ desired }) => desired,
  },
];

export function scalingMetrics(
  upstreams: readonly string[],
  signalOf: (upstream: string) => ScalingSignal | undefined,
): readonly ProcessMetric[] {
  const signals = upstreams.map((upstream) => ({ upstream, signal: signalOf(upstream) }));
  return GAUGES.flatMap(({ name, help, read, labels }) =>
    signals.flatMap(({ upstream, signal }): readonly ProcessMetric[] => {
      const value = signal ? read(signal) : null;
      return value === null ? [] : [{ name, help, type: 'gauge', value, labels: { upstream, ...labels } }];
    }),
  );
}

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
