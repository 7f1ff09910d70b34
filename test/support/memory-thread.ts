// A thread that hammers shared memory in one of several ways, for the tests of src/memory.
import { parentPort, workerData } from 'node:worker_threads';
import { type EndpointLayout, openEndpoint } from '#memory/endpoint-table.ts';
import { ExpiringTable } from '#memory/expiring-table.ts';
import { KeyedTable } from '#memory/keyed-table.ts';
import type { SegmentLayout } from '#memory/segments.ts';
import { openSeries } from '#memory/series-table.ts';
import { openUpstream, type UpstreamLayout } from '#memory/upstream-table.ts';

export type MemoryJob =
  /** Takes from `keys` in turn; posts how many tokens it was granted. */
  | {
      readonly type: 'buckets';
      readonly buffer: SharedArrayBuffer;
      readonly keys: readonly string[];
      readonly burst: number;
      readonly nowMs: number;
    }
  /** Counts up cells 0 and 1 of the series in slot 0. */
  | { readonly type: 'series'; readonly layout: SegmentLayout }
  /** Begins and ends requests to the endpoint in slot 0, and leaves `left` of them under way. */
  | { readonly type: 'endpoint'; readonly layout: EndpointLayout; readonly left: number }
  /** Retries without requests; posts how many it was granted. */
  | { readonly type: 'budget'; readonly layout: UpstreamLayout }
  /** Gives `keys` the numbers that `numberOf` tells, and reads them; posts how often it read another number. */
  | {
      readonly type: 'entries';
      readonly buffer: SharedArrayBuffer;
      readonly keys: readonly string[];
      readonly nowMs: number;
    };

/** What every thread gives a key. */
const numberOf = (key: string): number => key.length * 1_000_003;

export interface MemoryThreadData {
  readonly job: MemoryJob;
  readonly worker: number;
  /** Times the job does what it does. */
  readonly rounds: number;
  /** Two Int32: threads that are ready, and whether they may start. */
  readonly gate: SharedArrayBuffer;
}

const data = workerData as MemoryThreadData;
const gate = new Int32Array(data.gate);

Atomics.add(gate, 0, 1);
Atomics.notify(gate, 0);
Atomics.wait(gate, 1, 0);
parentPort?.postMessage(run(data));

function run({ job, worker, rounds }: MemoryThreadData): number {
  if (job.type === 'buckets') return take(job, rounds);
  if (job.type === 'series') return count(job.layout, worker, rounds);
  if (job.type === 'endpoint') return request(job.layout, worker, rounds, job.left);
  if (job.type === 'budget') return retry(job.layout, rounds);
  return setAndUse(job, rounds);
}

function take(job: MemoryJob & { readonly type: 'buckets' }, rounds: number): number {
  const table = new KeyedTable(job.buffer);
  let granted = 0;
  for (let i = 0; i < rounds; i++) {
    if (table.take(job.keys[i % job.keys.length] as string, 1, job.burst, job.nowMs).allowed) granted++;
  }
  return granted;
}

function count(layout: SegmentLayout, worker: number, rounds: number): number {
  const series = openSeries(layout.segments, worker, 0);
  for (let i = 0; i < rounds; i++) {
    series[0] = (series[0] as number) + 1;
    series[1] = (series[1] as number) + 2;
  }
  return rounds;
}

function request(layout: EndpointLayout, worker: number, rounds: number, left: number): number {
  const endpoint = openEndpoint(layout, worker, 0);
  for (let i = 0; i < rounds; i++) {
    endpoint.begin();
    endpoint.recordFailure();
    endpoint.end();
  }
  for (let i = 0; i < left; i++) endpoint.begin();
  return rounds;
}

function retry(layout: UpstreamLayout, rounds: number): number {
  const budget = openUpstream(layout, 0, 0).budget(0.5);
  let granted = 0;
  for (let i = 0; i < rounds; i++) if (budget.tryRetry()) granted++;
  return granted;
}

function setAndUse({ buffer, keys, nowMs }: MemoryJob & { readonly type: 'entries' }, rounds: number): number {
  const table = new ExpiringTable(buffer);
  let wrong = 0;
  for (let i = 0; i < rounds; i++) {
    const key = keys[i % keys.length] as string;
    table.set(key, numberOf(key), 1000, nowMs);
    const found = table.use(key, 1000, nowMs);
    // Another thread may have put a key of its own in the place meanwhile, where there are more keys than places.
    if (found !== 0 && found !== numberOf(key)) wrong++;
  }
  return wrong;
}
