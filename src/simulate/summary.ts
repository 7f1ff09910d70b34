// What one simulation found, in figures: the content of --json, and what report.ts writes for people.
import type { Series } from '#memory/series-table.ts';
import { CELL } from '#telemetry/series.ts';
import {
  type Latencies,
  latenciesOf,
  meanInFlight,
  p99BySlice,
  type Row,
  rounded,
  type Samples,
  type Slices,
} from './samples.ts';
import { CANCELLED } from './simulated-endpoint.ts';

/** Columns of charts. */
const SLICES = 60;

export interface RunSummary {
  readonly label: string;
  readonly upstream: string;
  readonly balancer: string;
  /** From the start, at which a recorded request comes and a made-up one may come later, to the last answer. */
  readonly durationMs: number;
  /** Requests of routes that lead to the upstream. */
  readonly requests: number;
  /** Requests that went elsewhere: to other upstreams, or to no route. */
  readonly elsewhere: number;
  /** How many got which status, whoever gave it. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Answered by the gateway itself: by a limit, and for want of an endpoint or a connection. */
  readonly refused: { readonly '429': number; readonly '503': number };
  /** Other answers from 500 on, of endpoints or because of them. */
  readonly failed: number;
  /** Of the requests that an endpoint answered, in milliseconds, from arrival to response. */
  readonly latencyMs: Latencies;
  readonly retries: number;
  readonly ejections: number;
  readonly endpoints: readonly EndpointSummary[];
  readonly events: readonly HealthEvent[];
  readonly timeline: Timeline;
}

/** Something that happened to the health of an endpoint. */
export interface HealthEvent {
  readonly atMs: number;
  readonly endpoint: string;
  /** Such as `endpoint is ejected`. */
  readonly what: string;
  readonly reason: string;
}

export interface EndpointSummary {
  readonly name: string;
  /** Attempts, retries included. */
  readonly attempts: number;
  /** Of all attempts: 0 to 1. */
  readonly share: number;
  /** Attempts without a response, or with one from 500 on. */
  readonly failures: number;
  /** Of the attempts that got a response, in milliseconds. */
  readonly latencyMs: Latencies;
  readonly ejections: number;
}

/** The course of the simulation in slices of equal width. */
export interface Timeline {
  readonly sliceMs: number;
  /** 99th percentile of the requests that came in a slice and were answered by an endpoint; `null` where none was. */
  readonly p99Ms: readonly (number | null)[];
  /** Requests in flight in the mean of a slice. */
  readonly inFlight: readonly number[];
  /** Attempts in flight in the mean of a slice, by endpoint. */
  readonly endpoints: Readonly<Record<string, readonly number[]>>;
}

/** What a run has gathered. */
export interface RunFindings {
  readonly label: string;
  readonly upstream: string;
  readonly balancer: string;
  readonly endpoints: readonly { readonly name: string; readonly index: number; readonly ejections: number }[];
  /** Counts of the upstream. */
  readonly series: Series;
  readonly exchanges: Samples;
  readonly attempts: Samples;
  readonly elsewhere: number;
  readonly events: readonly HealthEvent[];
  readonly durationMs: number;
}

/** `chartedMs` is the time that the slices of the timeline cover; runs that are compared have the same. */
export function summarise(findings: RunFindings, chartedMs: number): RunSummary {
  const { label, upstream, balancer, series, exchanges, elsewhere, events, durationMs } = findings;
  const rows = [...exchanges.rows()];
  const answered = rows.filter(({ endpoint }) => endpoint >= 0);
  const refusedWith = (code: number) => rows.filter(({ endpoint, status }) => endpoint < 0 && status === code).length;
  const refused = { '429': refusedWith(429), '503': refusedWith(503) };
  const endpoints = summariseEndpoints(findings);
  return {
    label,
    upstream,
    balancer,
    durationMs: rounded(durationMs),
    requests: rows.length,
    elsewhere,
    statuses: countBy(rows),
    refused,
    failed: rows.filter(({ status }) => status >= 500).length - refused['503'],
    latencyMs: latenciesOf(answered.map(durationOf)),
    retries: series[CELL.retries] as number,
    ejections: endpoints.reduce((sum, { ejections }) => sum + ejections, 0),
    endpoints,
    events: events.map((event) => ({ ...event, atMs: rounded(event.atMs) })),
    timeline: timelineOf(findings, { count: SLICES, widthMs: chartedMs / SLICES }, rows, answered),
  };
}

function summariseEndpoints({ endpoints, attempts }: RunFindings): readonly EndpointSummary[] {
  const byEndpoint = groupByEndpoint(attempts);
  const total = endpoints.reduce((sum, { index }) => sum + (byEndpoint.get(index)?.length ?? 0), 0);
  return endpoints.map(({ name, index, ejections }) => {
    const rows = byEndpoint.get(index) ?? [];
    const responses = rows.filter(({ status }) => status > 0 && status !== CANCELLED);
    return {
      name,
      attempts: rows.length,
      share: total === 0 ? 0 : Math.round((rows.length / total) * 1e6) / 1e6,
      failures: rows.filter(({ status }) => status === 0 || status >= 500).length,
      latencyMs: latenciesOf(responses.map(durationOf)),
      ejections,
    };
  });
}

function timelineOf(
  { endpoints, attempts }: RunFindings,
  slices: Slices,
  rows: readonly Row[],
  answered: readonly Row[],
): Timeline {
  const byEndpoint = groupByEndpoint(attempts);
  return {
    sliceMs: rounded(slices.widthMs),
    p99Ms: p99BySlice(answered, slices),
    inFlight: meanInFlight(rows, slices),
    endpoints: Object.fromEntries(
      endpoints.map(({ name, index }) => [name, meanInFlight(byEndpoint.get(index) ?? [], slices)]),
    ),
  };
}

function groupByEndpoint(attempts: Samples): ReadonlyMap<number, readonly Row[]> {
  const groups = new Map<number, Row[]>();
  for (const row of attempts.rows()) {
    const group = groups.get(row.endpoint);
    if (group) group.push(row);
    else groups.set(row.endpoint, [row]);
  }
  return groups;
}

function countBy(rows: readonly Row[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { status } of rows) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

function durationOf({ startMs, endMs }: Row): number {
  return endMs - startMs;
}
