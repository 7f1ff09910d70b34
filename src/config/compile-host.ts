// What a thread lends to what it compiles, and the keys under which it is asked for it.
import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import type { Random } from '#lib/random.ts';
import type { Timers } from '#lib/timers.ts';
import type { EndpointCells } from '#memory/endpoint-table.ts';
import type { KeyedTable } from '#memory/keyed-table.ts';
import type { Series } from '#memory/series-table.ts';
import type { UpstreamCells } from '#memory/upstream-table.ts';
import type { ResolvedEndpoint } from '#model/resolver.ts';
import type { PoolSettings, Transport } from '#model/upstream.ts';
import type { FailureReport } from '#proxy/outcome.ts';

/** What a thread lends to what it compiles. Keys are those of `seriesKey`. */
export interface CompileHost {
  readonly clock: Clock;
  readonly random: Random;
  readonly timers: Timers;
  readonly log: Log;
  readonly buckets: KeyedTable;
  /** Drawn when the process started, and the same in all threads. */
  readonly secret: Uint8Array;
  series(key: string): Series;
  cells(key: string): EndpointCells;
  upstream(key: string): UpstreamCells;
  epoch(): number;
  transport(key: string, target: ResolvedEndpoint, pool: PoolSettings, series: Series): Transport;
  readonly report: FailureReport;
}

export const seriesKey = {
  listener: (name: string) => `listener:${name}`,
  route: (name: string) => `route:${name}`,
  upstream: (name: string) => `upstream:${name}`,
  /** Of the workers themselves. */
  workers: 'workers',
  endpoint: (upstream: string, endpoint: string) => `endpoint:${upstream}/${endpoint}`,
};
