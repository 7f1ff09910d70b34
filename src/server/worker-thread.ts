// Starts the thread of a worker. What it is told, and what becomes of it, is the business of `worker-pool.ts`.
import { Worker } from 'node:worker_threads';
import type { FromWorker, WorkerStart } from './messages.ts';

/**
 * Where what is short-lived is put. With V8's default, 96 MiB, the garbage of many requests stays resident: an idle connection comes to 6 KB.
 * With 48 it is 2.3 to 3.9, and requests cost the same; with 24 it is no less, and an answer of 10 KiB over HTTP/2 costs a quarter more, as
 * what is in flight is copied too often.
 */
const YOUNG_MB = 48;

export interface WorkerThread {
  readonly worker: Worker;
  /** Resolves with whether it can be told something now; it may have died instead. */
  readonly started: Promise<boolean>;
}

export function startThread(index: number): WorkerThread {
  const workerData: WorkerStart = { index };
  const worker = new Worker(new URL(import.meta.resolve('#server/worker.ts')), {
    workerData,
    name: `worker ${index}`,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  });
  const { promise: started, resolve } = Promise.withResolvers<boolean>();
  const listen = ({ type }: FromWorker): void => {
    if (type === 'started') resolve(true);
  };
  worker.on('message', listen);
  worker.once('error', () => resolve(false));
  worker.once('exit', () => resolve(false));
  void started.then(() => worker.off('message', listen));
  return { worker, started };
}

/** Whether the thread has ended already: nobody would hear of its end any more. */
export function hasEnded({ worker }: WorkerThread): boolean {
  return worker.threadId === -1;
}
