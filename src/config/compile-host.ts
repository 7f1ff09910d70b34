// What a thread lends to what it compiles, and the keys under which it is asked for it.
import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import type { Random } from '#lib/random.ts';
import type { Timers } from '#lib/timers.ts';
import type { EndpointCells } from '#memory/endpoint-table.ts';
import type { ExpiringTable } from '#memory/expiring-table.ts';
import type { KeyedTable } from '#memory/keyed-table.ts';
import type { Series } from '#memory/series-table.ts';
import type { UpstreamCells } from '#memory/upstream-table.ts';
import type { ResolvedEndpoint } from '#model/resolver.ts';
import type { PoolSettings, Transport } from '#model/upstream.ts';
import type { FailureReport } from '#proxy/outcome.ts';
import type { UpstreamConfig } from './config-schema.ts';

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
  /** Sessions of an upstream by what `sessionTableOf` says. */
  sessions(table: SessionTableKey): ExpiringTable;
  epoch(): number;
  transport(key: string, target: ResolvedEndpoint, pool: PoolSettings, series: Series): Transport;
  readonly report: FailureReport;
  /** Has the upstream of that name woken up. */
  wake(upstream: string): void;
}

/** Which table an upstream keeps its sessions in: another type or size is another table. */
export interface SessionTableKey {
  readonly key: string;
  readonly size: number;
}

/** `undefined` where the upstream keeps none. */
export function sessionTableOf(upstream: string, { persistence }: UpstreamConfig): SessionTableKey | undefined {
  if (!persistence || persistence.type === 'cookie') return undefined;
  const size = persistence['max-sessions'];
  return { key: `sessions:${persistence.type}:${size}:${upstream}`, size };
}

export const seriesKey = {
  listener: (name: string) => `listener:${name}`,
  route: (name: string) => `route:${name}`,
  upstream: (name: string) => `upstream:${name}`,
  /** Of the workers themselves. */
  workers: 'workers',
  /** Exchanges that failed, by error. */
  errors: 'errors',
  /** Breaches of HTTP/2 by clients, by kind. */
  breaches: 'breaches',
  endpoint: (upstream: string, endpoint: string) => `endpoint:${upstream}/${endpoint}`,
};
