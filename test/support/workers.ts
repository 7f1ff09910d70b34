// The worker threads that this process starts, for tests that end one.
import type { TestContext } from 'node:test';
import type { Worker } from 'node:worker_threads';

/** The workers of this process from now on, in the order in which they are started. */
export function rememberWorkers(t: TestContext): readonly Worker[] {
  const workers: Worker[] = [];
  const remember = (worker: Worker) => void workers.push(worker);
  process.on('worker', remember);
  t.after(() => process.off('worker', remember));
  return workers;
}
