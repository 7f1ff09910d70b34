// Many timeouts of few different lengths, cheap to set and to take back: one list a length, swept by one timer.
// Not for timers that must be exact: a deadline is noticed up to one sweep late.
import type { Clock } from './clock.ts';

/** Something with at most one deadline at a time. The members belong to `Deadlines`. */
export interface Deadlined {
  /** Called once when the time is over. */
  onDeadline(): void;
  deadline: DeadlineEntry | undefined;
}

/** The place of one owner in its list, or, linked to itself alone, in none. An owner keeps it from one deadline to the next. */
export interface DeadlineEntry {
  readonly owner: Deadlined | undefined;
  list: DeadlineList | undefined;
  expiresAt: number;
  previous: DeadlineEntry;
  next: DeadlineEntry;
}

interface DeadlineList {
  readonly durationMs: number;
  /** Sentinel of a ring: `next` is the first to expire. */
  readonly head: DeadlineEntry;
  /** Whether it is swept no more, as it was empty. */
  dropped: boolean;
}

export class Deadlines {
  readonly #clock: Clock;
  readonly #sweepMs: number;
  readonly #lists = new Map<number, DeadlineList>();
  /** The time of the last sweep: exact enough, and free to read. */
  #now: number;
  #size = 0;

  /** `sweep` is to be called every `sweepMs`: a deadline is noticed never early, and late by at most twice that and what sweeps are late. */
  constructor(clock: Clock, sweepMs: number) {
    this.#clock = clock;
    this.#sweepMs = sweepMs;
    this.#now = clock.now();
  }

  /** How many deadlines are set. */
  get size(): number {
    return this.#size;
  }

  /** The time of the clock, up to a sweep late: for what has to cost nothing and may seem that much older than it is. */
  get lastSweep(): number {
    return this.#now;
  }

  /** Sets the owner's deadline `durationMs` from now, in place of the one it had. */
  set(owner: Deadlined, durationMs: number): void {
    owner.deadline ??= createEntry(owner);
    const entry = owner.deadline;
    if (entry.next === entry) this.#size++;
    else unlink(entry);
    if (entry.list?.durationMs !== durationMs || entry.list.dropped)
      entry.list = this.#lists.get(durationMs) ?? this.#addList(durationMs);
    this.#append(entry.list, entry);
  }

  clear(owner: Deadlined): void {
    const entry = owner.deadline;
    if (!entry || entry.next === entry) return;
    unlink(entry);
    // It may seem enough to leave its neighbours named; however, an entry in old memory would then keep the one that followed
    // alive, that one the next, and the collector would carry all of them along.
    entry.previous = entry;
    entry.next = entry;
    this.#size--;
  }

  /** Calls whose time is over. */
  sweep(): void {
    const before = this.#now;
    this.#now = this.#clock.now();
    const lateMs = this.#now - before - this.#sweepMs;
    if (lateMs > this.#sweepMs) this.#postpone(before, lateMs);
    for (const list of this.#lists.values()) {
      for (let entry = list.head.next; entry !== list.head && entry.expiresAt <= this.#now; entry = list.head.next) {
        const owner = entry.owner as Deadlined;
        this.clear(owner);
        owner.onDeadline();
      }
      if (list.head.next === list.head) this.#dropList(list);
    }
  }

  /** Sweeps have failed to come, so that what was set since the last one was reckoned from too long ago. */
  #postpone(sweptAt: number, lateMs: number): void {
    for (const { head, durationMs } of this.#lists.values()) {
      const expiresAt = this.#expiry(sweptAt, durationMs);
      for (let entry = head.previous; entry !== head && entry.expiresAt === expiresAt; entry = entry.previous)
        entry.expiresAt += lateMs;
    }
  }

  #expiry(setAt: number, durationMs: number): number {
    return setAt + durationMs + this.#sweepMs;
  }

  #append(list: DeadlineList, entry: DeadlineEntry): void {
    const { head } = list;
    entry.expiresAt = this.#expiry(this.#now, list.durationMs);
    entry.previous = head.previous;
    entry.next = head;
    head.previous.next = entry;
    head.previous = entry;
  }

  #dropList(list: DeadlineList): void {
    list.dropped = true;
    this.#lists.delete(list.durationMs);
  }

  #addList(durationMs: number): DeadlineList {
    const head = createEntry(undefined);
    const list = { durationMs, head, dropped: false };
    this.#lists.set(durationMs, list);
    return list;
  }
}

function createEntry(owner: Deadlined | undefined): DeadlineEntry {
  const entry = { owner, list: undefined, expiresAt: Number.POSITIVE_INFINITY } as unknown as DeadlineEntry;
  entry.previous = entry;
  entry.next = entry;
  return entry;
}

function unlink(entry: DeadlineEntry): void {
  entry.previous.next = entry.next;
  entry.next.previous = entry.previous;
}
