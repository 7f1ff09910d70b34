// All metrics of the gateway put together, in the order of the exposition.
import { systemClock } from '#lib/clock.ts';
import type { ProcessMetric } from '#telemetry/prometheus.ts';
import { type ViewSource, viewMetrics } from './admin-view.ts';
import { breachMetrics } from './breach-counts.ts';
import { errorMetrics } from './error-counts.ts';
import type { ScalingMonitor } from './scaling-monitor.ts';
import { scalingMetrics, sessionMetrics } from './upstream-metrics.ts';

/** `own` are those of the process and of what it keeps beside the traffic. */
export function gatewayMetrics(view: ViewSource, scaling: ScalingMonitor, own: readonly ProcessMetric[]): string {
  const { config, memory } = view;
  return viewMetrics(view, [
    ...scalingMetrics(Object.keys(config.upstreams), (name) => scaling.signal(name)),
    ...sessionMetrics(config, memory, systemClock.wall()),
    ...errorMetrics(memory),
    ...breachMetrics(memory),
    ...own,
  ]);
}
