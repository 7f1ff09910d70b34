// What the admin API and the metrics tell of the circuits and gates of upstreams.

import { seriesKey } from '#config/compile-host.ts';
import { circuitSettings } from '#config/compile-recovery.ts';
import type { Config, UpstreamConfig } from '#config/config-schema.ts';
import { systemClock } from '#lib/clock.ts';
import type { CircuitState } from '#memory/circuit-breaker.ts';
import type { UpstreamStatus } from '#schema/admin-schemas.ts';
import type { ProcessMetric } from '#telemetry/prometheus.ts';
import type { SharedMemory } from './shared-memory.ts';

const STATES: readonly CircuitState[] = ['closed', 'half-open', 'open'];

/** `null` stands for what is not configured. */
export function viewRecovery(
  name: string,
  config: UpstreamConfig,
  memory: SharedMemory,
): Pick<UpstreamStatus, 'circuit' | 'concurrency'> {
  const cells = memory.upstream(seriesKey.upstream(name));
  const settings = circuitSettings(config);
  const circuit = settings && cells ? cells.breaker(settings, systemClock).state : null;
  if (!config.concurrency || !cells) return { circuit, concurrency: null };
  const { inFlight, waiting, limit } = cells.concurrency;
  const isFixed = config.concurrency.limit !== 'adaptive';
  const foundOut = limit === 0 ? null : Math.floor(limit);
  return {
    circuit,
    concurrency: { limit: isFixed ? Number(config.concurrency.limit) : foundOut, inFlight, waiting },
  };
}

export function recoveryMetrics(config: Config, memory: SharedMemory): readonly ProcessMetric[] {
  const states: ProcessMetric[] = [];
  const limits: ProcessMetric[] = [];
  for (const [upstream, settings] of Object.entries(config.upstreams)) {
    const { circuit, concurrency } = viewRecovery(upstream, settings, memory);
    const gauge = (name: string, help: string, value: number): ProcessMetric => ({
      name: `tidegate_upstream_${name}`,
      help,
      type: 'gauge',
      value,
      labels: { upstream },
    });
    if (circuit)
      states.push(gauge('circuit_state', 'The circuit: 0 closed, 1 half-open, 2 open.', STATES.indexOf(circuit)));
    if (concurrency && concurrency.limit !== null)
      limits.push(gauge('concurrency_limit', 'Requests that may be under way at a time.', concurrency.limit));
  }
  return [...states, ...limits];
}
