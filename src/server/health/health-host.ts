// What the parts of the health monitor need from outside, and what they tell.
import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import type { Random } from '#lib/random.ts';
import type { Timers } from '#lib/timers.ts';
import type { EndpointCells, EndpointStatus } from '#memory/endpoint-table.ts';
import type { Probe } from '#model/probe.ts';
import type { EjectionCause } from './ejection.ts';

export interface HealthHost {
  readonly clock: Clock;
  readonly random: Random;
  readonly timers: Timers;
  readonly log: Log;
  createProbe(type: string, options: unknown): Probe;
  cells(key: string): EndpointCells | undefined;
  /** One counter of an endpoint, over all workers. */
  read(key: string, cell: number): number;
}

export interface HealthChange {
  readonly time: number;
  readonly status: EndpointStatus;
  readonly reason: string;
}

/** What is told of an endpoint. */
export interface EndpointHealth {
  readonly status: EndpointStatus;
  readonly reason: string;
  readonly ejections: Readonly<Record<EjectionCause, number>>;
  readonly history: readonly HealthChange[];
}
