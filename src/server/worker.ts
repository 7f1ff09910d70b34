// A worker thread: the data plane on one core. Does what the main thread tells it, and never waits for it.
import { setFlagsFromString } from 'node:v8';
import { parentPort, workerData } from 'node:worker_threads';
import type { LogFields } from '#lib/log.ts';
import type { FromWorker, ToWorker, WorkerStart } from './messages.ts';
import { PartCollector } from './preparation-parts.ts';
import { WorkerState } from './worker-state.ts';

// V8 takes requests and responses for long-lived, as many are alive at any time, and creates all of them in old memory: what
// they name then outlives them until the next full collection (measured: 5 of 31 us a request).
setFlagsFromString('--no-allocation-site-pretenuring');

if (!parentPort) throw new Error('worker.ts runs as a worker thread only');
const port = parentPort;
const start = workerData as WorkerStart;

const tell = (message: FromWorker): void => port.postMessage(message);
const logLine =
  (level: 'debug' | 'info' | 'warn' | 'error') =>
  (message: string, fields: LogFields = {}) =>
    tell({ type: 'log', level, message, fields });
const log = { debug: logLine('debug'), info: logLine('info'), warn: logLine('warn'), error: logLine('error') };

const state = new WorkerState(start, log, tell);
const parts = new PartCollector();

port.on('message', (message: ToWorker) => {
  switch (message.type) {
    case 'part':
      parts.add(message);
      tell({ type: 'taken' });
      return;
    case 'prepare':
      state.prepare(parts.complete(message)).then(
        () => tell({ type: 'prepared', generation: message.generation }),
        (error: unknown) =>
          tell({ type: 'unprepared', generation: message.generation, reason: (error as Error).message }),
      );
      return;
    case 'commit':
      state.commit();
      tell({ type: 'committed', generation: message.generation });
      return;
    case 'discard':
      state.discard();
      return;
    case 'endpoints':
      state.replaceEndpoints(message.upstream, message.endpoints, message.memory);
      return;
    case 'certificates':
      state.replaceCertificates(message.certificates);
      tell({ type: 'certified' });
      return;
    case 'challenges':
      state.answerChallenges(message.challenges);
      tell({ type: 'challenged' });
      return;
    case 'settled':
      state.settleWanted(message.name, message.found);
      return;
    case 'drain':
      void state.drain().then(() => tell({ type: 'drained' }));
      return;
    case 'abort':
      state.abort();
      return;
    default:
      state.reopenLogs();
  }
});

tell({ type: 'started' });
