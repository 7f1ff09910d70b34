// Lets a limited number of requests through to an upstream at a time, over all workers. The others wait, the most important first, and
// are refused when that takes too long or too many wait.
import { Queue, type Queued } from '#lib/queue.ts';
import type { Timers } from '#lib/timers.ts';
import type { ConcurrencyCells } from '#memory/concurrency-cells.ts';
import { PRIORITIES } from '#model/exchange.ts';
import { ProxyError } from '#model/proxy-error.ts';
import type { Gate, GateVisitor } from '#model/upstream.ts';

/** How many requests may be under way at a time. */
export interface ConcurrencyLimit {
  readonly value: number;
  /** A response head came after this time. */
  observe(latencyMs: number): void;
}

export interface GateSettings {
  readonly upstream: string;
  /** Requests of this worker that may wait. */
  readonly maxWaiting: number;
  readonly waitTimeoutMs: number;
}

/** Told when a request is refused. */
export interface GateHost {
  readonly timers: Timers;
  refused(): void;
}

/** Other workers do not tell when a request of theirs has ended; while somebody waits, this one looks again and again. */
const LOOK_EVERY_MS = 5;
/**
 * Whoever gives a place back is the first to see it, and with a long queue of its own would leave none to other workers. Once in so
 * many looks, which is often enough for all to be served and costs little, it leaves one until it has looked twice.
 */
const LOOKS_PER_YIELD = 10;

class Waiter implements Queued<Waiter> {
  before: Waiter | undefined = undefined;
  behind: Waiter | undefined = undefined;
  readonly visitor: GateVisitor;
  readonly clearTimer: () => void;

  constructor(visitor: GateVisitor, clearTimer: () => void) {
    this.visitor = visitor;
    this.clearTimer = clearTimer;
  }
}

export class UpstreamGate implements Gate {
  readonly #settings: GateSettings;
  readonly #cells: ConcurrencyCells;
  readonly #limit: ConcurrencyLimit;
  readonly #host: GateHost;
  readonly #waiting = new Map<GateVisitor, Waiter>();
  /** By priority, the most important first; in each, who came first. */
  readonly #lines = PRIORITIES.map(() => new Queue<Waiter>());
  #stopLooking: (() => void) | undefined = undefined;
  /** Looks since a place was left to other workers. */
  #looks = LOOKS_PER_YIELD;

  constructor(settings: GateSettings, cells: ConcurrencyCells, limit: ConcurrencyLimit, host: GateHost) {
    this.#settings = settings;
    this.#cells = cells;
    this.#limit = limit;
    this.#host = host;
  }

  enter(visitor: GateVisitor): void {
    // Whoever waits, in any worker, comes before those that come now.
    if (this.#cells.waiting === 0 && this.#cells.tryBegin(this.#limit.value)) visitor.admitted();
    else if (this.#waiting.size < this.#settings.maxWaiting || this.#makeRoom(visitor.priority)) this.#queue(visitor);
    else this.#refuse(visitor, 'as many requests wait as may');
  }

  withdraw(visitor: GateVisitor): void {
    const waiter = this.#waiting.get(visitor);
    if (waiter) this.#takeOut(waiter);
  }

  leave(): void {
    this.#cells.end();
    if (this.#looks >= LOOKS_PER_YIELD && this.#cells.waiting > this.#waiting.size) this.#looks = 0;
    else this.#admit();
  }

  observe(latencyMs: number): void {
    this.#limit.observe(latencyMs);
  }

  #queue(visitor: GateVisitor): void {
    const clearTimer = this.#host.timers.set(() => {
      this.withdraw(visitor);
      this.#refuse(visitor, `none became free within ${this.#settings.waitTimeoutMs} ms`);
    }, this.#settings.waitTimeoutMs);
    const waiter = new Waiter(visitor, clearTimer);
    this.#waiting.set(visitor, waiter);
    this.#lineOf(waiter).push(waiter);
    this.#cells.changeWaiting(1);
    this.#look();
  }

  /** The last of those that wait goes, if it is less important than whoever wants its place. */
  #makeRoom(priority: number): boolean {
    const last = this.#lines.findLast(({ size }) => size > 0)?.last;
    if (!last || last.visitor.priority <= priority) return false;
    this.#takeOut(last);
    this.#refuse(last.visitor, 'a more important request took its place in the queue');
    return true;
  }

  #admit(): void {
    for (let next = this.#next; next && this.#cells.tryBegin(this.#limit.value); next = this.#next) {
      this.#takeOut(next);
      next.visitor.admitted();
    }
  }

  get #next(): Waiter | undefined {
    return this.#lines.find(({ size }) => size > 0)?.first;
  }

  #lineOf({ visitor }: Waiter): Queue<Waiter> {
    return this.#lines[visitor.priority] as Queue<Waiter>;
  }

  #takeOut(waiter: Waiter): void {
    this.#waiting.delete(waiter.visitor);
    this.#lineOf(waiter).remove(waiter);
    waiter.clearTimer();
    this.#cells.changeWaiting(-1);
  }

  #look(): void {
    if (this.#stopLooking) return;
    this.#stopLooking = this.#host.timers.set(() => {
      this.#stopLooking = undefined;
      if (++this.#looks > 1) this.#admit();
      if (this.#waiting.size > 0) this.#look();
    }, LOOK_EVERY_MS);
  }

  #refuse(visitor: GateVisitor, reason: string): void {
    this.#host.refused();
    const error = new ProxyError('upstream-full', `${this.#settings.upstream} is full: ${reason}`, {
      fields: [['retry-after', '1']],
    });
    visitor.refused(error);
  }
}
