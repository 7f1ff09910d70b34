// How much an upstream has to do at this moment, over all workers, as the admin API, the metrics and autoscalers are told.
import type { FoundEndpoints } from '#config/compile.ts';
import { seriesKey } from '#config/compile-host.ts';
import { takesRequests } from '#memory/endpoint-table.ts';
import { formatAddress } from '#schema/address.ts';
import { CELL } from '#telemetry/series.ts';
import type { SharedMemory } from './shared-memory.ts';

export interface UpstreamLoad {
  /** Requests under way at endpoints. */
  readonly inFlight: number;
  /** Requests that wait: for their turn, for a connection, or for the upstream to wake up. */
  readonly waiting: number;
  /** Endpoints. */
  readonly listed: number;
  /** Those of them that take requests. */
  readonly usable: number;
}

/** Requests that wait for a connection are counted by their endpoints as in flight already. */
export function upstreamLoad(name: string, found: FoundEndpoints, memory: SharedMemory): UpstreamLoad {
  const keys = (found[name] ?? []).map((address) => seriesKey.endpoint(name, formatAddress(address)));
  const cells = keys.map((key) => memory.cells(key));
  const unsent = memory.upstream(seriesKey.upstream(name))?.concurrency.waiting ?? 0;
  const queued = sum(keys.map((key) => memory.read(key, CELL.waiting)));
  return {
    // Counts of several threads are not of one moment.
    inFlight: Math.max(0, sum(cells.map((one) => one?.inFlight ?? 0)) - queued),
    waiting: unsent + queued + memory.read(seriesKey.upstream(name), CELL.waiting),
    listed: keys.length,
    usable: cells.filter((one) => one && takesRequests(one.status)).length,
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
