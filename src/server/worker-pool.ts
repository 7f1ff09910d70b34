// The worker threads: starts them, takes all of them through a change of configuration together, replaces those that die.
import type { Worker } from 'node:worker_threads';
import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import type { FailureKind } from '#model/failure-kind.ts';
import type { FromWorker, Preparation, ToWorker } from './messages.ts';
import { takeApart } from './preparation-parts.ts';
import { hasEnded, startThread, type WorkerThread } from './worker-thread.ts';

export type WorkerLife = 'starting' | 'ready' | 'draining' | 'dead';

export interface WorkerPoolHost {
  readonly log: Log;
  readonly clock: Clock;
  /** A worker has died; its share of what is counted as present is to be given back. */
  died(index: number): void;
  failing(upstream: string, endpoint: string, last: FailureKind): void;
  wake(upstream: string): void;
  /** Resolves with whether there is a certificate for the name now; all workers have it then. Never rejects. */
  certify(name: string): Promise<boolean>;
  /** What a new worker is to serve; `undefined` before the first configuration. */
  current(): Preparation | undefined;
  /** Runs `work` when no change of the configuration is under way, and lets none begin meanwhile. */
  exclusively(work: () => Promise<void>): Promise<void>;
}

/** A dead worker is replaced after this time, which doubles while it keeps dying before it has lived for `STABLE_MS`. */
const RESTART_MS = 100;
const MAX_RESTART_MS = 10_000;
const STABLE_MS = 60_000;

interface Slot {
  readonly index: number;
  worker: Worker;
  started: Promise<boolean>;
  life: WorkerLife;
  /** Whether it takes part in changes: one that starts anew does so when it has caught up. */
  joined: boolean;
  restartMs: number;
  /** `Clock.now` when the present worker was created. */
  startedAt: number;
  /** Who waits for a message of one of some types. */
  waiting:
    | { readonly types: readonly FromWorker['type'][]; readonly resolve: (message: FromWorker | undefined) => void }
    | undefined;
}

export class WorkerPool {
  readonly #host: WorkerPoolHost;
  readonly #first: WorkerThread;
  readonly #slots: Slot[] = [];
  #stopping = false;

  /** `first` is the thread of the first worker, which has been started already. */
  constructor(host: WorkerPoolHost, first: WorkerThread) {
    this.#host = host;
    this.#first = first;
  }

  get size(): number {
    return this.#slots.length;
  }

  get lives(): readonly { readonly index: number; readonly state: WorkerLife }[] {
    return this.#slots.map(({ index, life }) => ({ index, state: life }));
  }

  /** Starts `count` workers; resolves when all run. */
  async start(count: number): Promise<void> {
    for (let index = 0; index < count; index++) this.#slots.push(this.#createSlot(index));
    await Promise.all(
      this.#slots.map(async (slot) => {
        slot.joined = await slot.started;
      }),
    );
    if (this.#joined.length === 0) throw new Error('no worker thread could be started');
  }

  /**
   * Has all workers prepare, then all commit. Rejects with the first reason when one cannot prepare; then none has changed.
   */
  async change(preparation: Preparation): Promise<void> {
    const answers = await Promise.all(this.#joined.map((slot) => this.#prepare(slot, preparation)));
    const failure = answers.find((answer) => answer?.type === 'unprepared');
    if (failure?.type === 'unprepared') {
      this.broadcast({ type: 'discard', generation: preparation.generation });
      throw new Error(failure.reason);
    }
    await Promise.all(this.#joined.map((slot) => this.#commit(slot, preparation.generation)));
  }

  broadcast(message: ToWorker): void {
    for (const slot of this.#joined) slot.worker.postMessage(message);
  }

  /** Tells all workers something; resolves when they have answered by `answer`. Not during a change. */
  async tell(message: ToWorker, answer: FromWorker['type']): Promise<void> {
    await Promise.all(
      this.#joined.map((slot) => {
        slot.worker.postMessage(message);
        return this.#expect(slot, [answer]);
      }),
    );
  }

  /** Resolves when all workers have ended their last connection. */
  async drain(): Promise<void> {
    this.#stopping = true;
    await Promise.all(
      this.#joined.map((slot) => {
        slot.life = 'draining';
        slot.worker.postMessage({ type: 'drain' } satisfies ToWorker);
        return this.#expect(slot, ['drained']);
      }),
    );
  }

  async terminate(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#slots.map(({ worker }) => worker.terminate()));
  }

  get #joined(): readonly Slot[] {
    return this.#slots.filter(({ joined }) => joined);
  }

  async #prepare(slot: Slot, preparation: Preparation): Promise<FromWorker | undefined> {
    const { parts, rest } = takeApart(preparation);
    for (const part of parts) {
      slot.worker.postMessage({ type: 'part', ...part } satisfies ToWorker);
      if (!(await this.#expect(slot, ['taken']))) return undefined;
    }
    slot.worker.postMessage({ type: 'prepare', ...rest } satisfies ToWorker);
    return await this.#expect(slot, ['prepared', 'unprepared']);
  }

  async #commit(slot: Slot, generation: number): Promise<void> {
    slot.worker.postMessage({ type: 'commit', generation } satisfies ToWorker);
    await this.#expect(slot, ['committed']);
    if (slot.life === 'starting') slot.life = 'ready';
  }

  /** The next message of one of `types`; `undefined` when the worker dies before. */
  #expect(slot: Slot, types: readonly FromWorker['type'][]): Promise<FromWorker | undefined> {
    return new Promise((resolve) => {
      slot.waiting = { types, resolve };
    });
  }

  #createSlot(index: number): Slot {
    const thread = index === 0 && !hasEnded(this.#first) ? this.#first : startThread(index);
    const slot: Slot = {
      index,
      ...thread,
      life: 'starting',
      joined: false,
      restartMs: RESTART_MS,
      startedAt: this.#host.clock.now(),
      waiting: undefined,
    };
    this.#listen(slot);
    return slot;
  }

  #listen(slot: Slot): void {
    const { worker } = slot;
    worker.on('message', (message: FromWorker) => this.#receive(slot, message));
    worker.on('error', (error) =>
      this.#host.log.error('a worker has failed', {
        worker: slot.index,
        error: (error as Error).stack ?? String(error),
      }),
    );
    worker.on('exit', () => {
      slot.life = 'dead';
      slot.joined = false;
      this.#host.died(slot.index);
      slot.waiting?.resolve(undefined);
      slot.waiting = undefined;
      if (!this.#stopping) setTimeout(() => void this.#replace(slot), slot.restartMs);
    });
  }

  async #replace(slot: Slot): Promise<void> {
    if (this.#stopping) return;
    const now = this.#host.clock.now();
    const wasStable = now - slot.startedAt > STABLE_MS;
    slot.restartMs = wasStable ? RESTART_MS : Math.min(MAX_RESTART_MS, slot.restartMs * 2);
    slot.startedAt = now;
    Object.assign(slot, startThread(slot.index));
    slot.life = 'starting';
    this.#listen(slot);
    if (await slot.started) await this.#host.exclusively(() => this.#catchUp(slot));
  }

  /** Has a worker that has just started serve what all others serve. */
  async #catchUp(slot: Slot): Promise<void> {
    const current = this.#host.current();
    if (!current || this.#stopping) return;
    const answer = await this.#prepare(slot, current);
    if (answer?.type !== 'prepared') {
      this.#host.log.error('a new worker cannot take the configuration', {
        worker: slot.index,
        reason: answer?.type === 'unprepared' ? answer.reason : 'it died',
      });
      void slot.worker.terminate();
      return;
    }
    slot.joined = true;
    await this.#commit(slot, current.generation);
    this.#host.log.info('a worker was replaced', { worker: slot.index });
  }

  async #settle({ worker }: Slot, name: string): Promise<void> {
    const found = await this.#host.certify(name);
    worker.postMessage({ type: 'settled', name, found } satisfies ToWorker);
  }

  #receive(slot: Slot, message: FromWorker): void {
    if (message.type === 'log')
      this.#host.log[message.level](message.message, { worker: slot.index, ...message.fields });
    else if (message.type === 'failing') this.#host.failing(message.upstream, message.endpoint, message.last);
    else if (message.type === 'wake') this.#host.wake(message.upstream);
    else if (message.type === 'wanted') void this.#settle(slot, message.name);
    else if (slot.waiting?.types.includes(message.type)) {
      const { resolve } = slot.waiting;
      slot.waiting = undefined;
      resolve(message);
    }
  }
}
