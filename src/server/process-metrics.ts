// Metrics of the process itself, as against those of the traffic.
import type { GatewayStatus } from '#admin/admin-host.ts';
import { seriesKey } from '#config/compile-host.ts';
import { readVersion } from '#lib/version.ts';
import type { ProcessMetric } from '#telemetry/prometheus.ts';
import { CELL } from '#telemetry/series.ts';
import type { SharedMemory } from './shared-memory.ts';

export interface ProcessFacts {
  readonly uptimeMs: number;
  readonly workers: GatewayStatus['workers'];
  readonly generation: number;
  readonly reloads: { readonly ok: number; readonly failed: number };
  readonly memory: SharedMemory;
}

export function processMetrics(facts: ProcessFacts): readonly ProcessMetric[] {
  const gauge = (name: string, help: string, value: number): ProcessMetric => ({ name, help, type: 'gauge', value });
  const counter = (name: string, help: string, value: number): ProcessMetric => ({
    name,
    help,
    type: 'counter',
    value,
  });
  return [
    {
      ...gauge('tidegate_build_info', 'Version of Tidegate and Node.js.', 1),
      labels: { version: readVersion(), node: process.versions.node },
    },
    gauge('process_resident_memory_bytes', 'Resident memory of the process.', process.memoryUsage.rss()),
    gauge('tidegate_uptime_seconds', 'Time since the start.', Math.round(facts.uptimeMs) / 1000),
    gauge('tidegate_workers', 'Workers that serve.', facts.workers.filter(({ state }) => state === 'ready').length),
    gauge(
      'tidegate_deadlines',
      'Timeouts under watch: of connections, requests and responses.',
      facts.memory.read(seriesKey.workers, CELL.deadlines),
    ),
    gauge(
      'tidegate_event_loop_delay_seconds',
      'How late the latest worker is with all that it does.',
      facts.memory.readLargest(seriesKey.workers, CELL.loopDelayMs) / 1000,
    ),
    gauge('tidegate_configuration_generation', 'Configurations since the start.', facts.generation),
    { ...counter('tidegate_reloads_total', 'Reloads.', facts.reloads.ok), labels: { result: 'ok' } },
    { ...counter('tidegate_reloads_total', 'Reloads.', facts.reloads.failed), labels: { result: 'refused' } },
    counter(
      'tidegate_bucket_evictions_total',
      'Live token buckets dropped for want of room.',
      facts.memory.bucketEvictions,
    ),
  ];
}
