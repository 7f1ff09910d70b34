// Lets a limited number of requests through to an upstream at a time, over all workers. The others wait, the most important first, and
// are refused when that takes too long or too many wait.
import type { Timers } from '#lib/timers.ts';
import type { ConcurrencyCells } from '#memory/concurrency-cells.ts';
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

interface Waiter {
  readonly visitor: GateVisitor;
  readonly clearTimer: () => void;
}

export class UpstreamGate implements Gate {
  readonly #settings: GateSettings;
  readonly #cells: ConcurrencyCells;
  readonly #limit: ConcurrencyLimit;
  readonly #host: GateHost;
  /** The most important first; of the same importance, who came first. */
  readonly #waiting: Waiter[] = [];
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
    else if (this.#waiting.length < this.#settings.maxWaiting || this.#makeRoom(visitor.priority)) this.#queue(visitor);
    else this.#refuse(visitor, 'as many requests wait as may');
  }

  withdraw(visitor: GateVisitor): void {
    const at = this.#waiting.findIndex((waiter) => waiter.visitor === visitor);
    if (at >= 0) this.#takeOut(at);
  }

  leave(): void {
    this.#cells.end();
    if (this.#looks >= LOOKS_PER_YIELD && this.#cells.waiting > this.#waiting.length) this.#looks = 0;
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
    const behind = this.#waiting.findIndex((waiter) => waiter.visitor.priority > visitor.priority);
    const waiter = { visitor, clearTimer };
    if (behind < 0) this.#waiting.push(waiter);
    else this.#waiting.splice(behind, 0, waiter);
    this.#cells.changeWaiting(1);
    this.#look();
  }

  /** The last of those that wait goes, if it is less important than whoever wants its place. */
  #makeRoom(priority: number): boolean {
    const last = this.#waiting.at(-1);
    if (!last || last.visitor.priority <= priority) return false;
    this.#takeOut(this.#waiting.length - 1);
    this.#refuse(last.visitor, 'a more important request took its place in the queue');
    return true;
  }

  #admit(): void {
    while (this.#waiting.length > 0 && this.#cells.tryBegin(this.#limit.value)) this.#takeOut(0)?.admitted();
  }

  #takeOut(at: number): GateVisitor | undefined {
    const [waiter] = this.#waiting.splice(at, 1);
    if (!waiter) return undefined;
    waiter.clearTimer();
    this.#cells.changeWaiting(-1);
    return waiter.visitor;
  }

  #look(): void {
    if (this.#stopLooking) return;
    this.#stopLooking = this.#host.timers.set(() => {
      this.#stopLooking = undefined;
      if (++this.#looks > 1) this.#admit();
      if (this.#waiting.length > 0) this.#look();
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
