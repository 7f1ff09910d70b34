// What the tables promise over real threads: exact sums, exact grants, and no thread that waits for a dead one.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { ManualClock } from '#lib/clock.ts';
import type { MemoryJob, MemoryThreadData } from '../../test/support/memory-thread.ts';
import { EndpointTable } from './endpoint-table.ts';
import { KeyedTable } from './keyed-table.ts';
import { BudgetTable } from './retry-budget.ts';
import { SeriesTable } from './series-table.ts';

const THREADS = 4;
const NOW = 1_800_000_000_000;
const LIMIT = { timeout: 30_000 };

interface Thread {
  readonly worker: Worker;
  readonly answer: Promise<number>;
}

/** Starts threads that begin together; each answers with one number. */
async function start(job: MemoryJob, rounds: number, threads = THREADS): Promise<readonly Thread[]> {
  const gate = new Int32Array(new SharedArrayBuffer(8));
  const started = Array.from({ length: threads }, (_, worker) => {
    const workerData: MemoryThreadData = { job, worker, rounds, gate: gate.buffer as SharedArrayBuffer };
    const thread = new Worker(new URL('../../test/support/memory-thread.ts', import.meta.url), { workerData });
    return { worker: thread, answer: once(thread, 'message').then(([answer]) => answer as number) };
  });
  for (;;) {
    const ready = Atomics.load(gate, 0);
    if (ready === threads) break;
    const waiting = Atomics.waitAsync(gate, 0, ready);
    if (waiting.async) await waiting.value;
  }
  Atomics.store(gate, 1, 1);
  Atomics.notify(gate, 1);
  return started;
}

/** The sum of what the threads answer, when all have ended. */
async function total(threads: readonly Thread[]): Promise<number> {
  const answers = await Promise.all(threads.map(({ answer }) => answer));
  await Promise.all(threads.map(({ worker }) => worker.terminate()));
  return answers.reduce((sum, answer) => sum + answer, 0);
}

test('a bucket grants over all threads exactly what it holds', LIMIT, async () => {
  const table = KeyedTable.create(64, [1, 2]);
  const job: MemoryJob = { type: 'buckets', buffer: table.buffer, keys: ['a'], burst: 100_000, nowMs: NOW };
  assert.equal(await total(await start(job, 50_000)), 100_000);
  assert.equal(table.take('a', 1, 100_000, NOW).allowed, false);
});

test('buckets that share a set stay exact', LIMIT, async () => {
  const table = KeyedTable.create(8, [1, 2]);
  const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
  const job: MemoryJob = { type: 'buckets', buffer: table.buffer, keys, burst: 1000, nowMs: NOW };
  assert.equal(await total(await start(job, 20_000)), 8000);
  assert.equal(table.evictions, 0);
});
