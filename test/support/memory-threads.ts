// Starts threads of memory-thread.ts that begin together, and adds up what they answer.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { MemoryJob, MemoryThreadData } from './memory-thread.ts';

export interface MemoryThread {
  readonly worker: Worker;
  readonly answer: Promise<number>;
}

/** Resolves when all have been told to begin. */
export async function startMemoryThreads(job: MemoryJob, rounds: number, count: number): Promise<MemoryThread[]> {
  const gate = new SharedArrayBuffer(8);
  const cells = new Int32Array(gate);
  const threads = Array.from({ length: count }, (_, index) => {
    const workerData: MemoryThreadData = { job, worker: index, rounds, gate };
    const worker = new Worker(new URL('./memory-thread.ts', import.meta.url), { workerData });
    return { worker, answer: once(worker, 'message').then(([answer]) => answer as number) };
  });
  for (let ready = 0; ready < count; ready = Atomics.load(cells, 0)) {
    const waiting = Atomics.waitAsync(cells, 0, ready);
    if (waiting.async) await waiting.value;
  }
  Atomics.store(cells, 1, 1);
  Atomics.notify(cells, 1);
  return threads;
}

/** The sum of what the threads answer, when all have ended. */
export async function sumOfAnswers(threads: readonly MemoryThread[]): Promise<number> {
  const answers = await Promise.all(threads.map(({ answer }) => answer));
  await Promise.all(threads.map(({ worker }) => worker.terminate()));
  return answers.reduce((sum, answer) => sum + answer, 0);
}
