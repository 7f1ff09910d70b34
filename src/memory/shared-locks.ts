// Locks in shared memory that outlive a thread which dies while it holds one. For a few writes to plain memory, not for waits.

const SPINS = 200;
/** Waits of `WAIT_MS` after which a lock that nobody else got meanwhile is taken over: its thread died. */
const WAITS_TO_TAKE_OVER = 100;
const WAIT_MS = 1;

/** One thread's way to the locks of a memory: each is one Int32, 0 while it is open. */
export class SharedLocks {
  readonly #ints: Int32Array;
  /** Tells this instance's tickets from those of all others, and from 0. */
  readonly #owner: number;
  #tickets = 0;

  /** `instances` is where the memory counts those who have opened it. */
  constructor(ints: Int32Array, instances: number) {
    this.#ints = ints;
    this.#owner = 0x80000000 | (Atomics.add(ints, instances, 1) << 16);
  }

  /** Returns the ticket that opens the lock again: another each time, so that a lock in use can be told from a dead one. */
  acquire(lock: number): number {
    this.#tickets = (this.#tickets + 1) & 0xffff;
    const ticket = this.#owner | this.#tickets;
    let holder = 0;
    for (let waits = 0; ; waits++) {
      const before = holder;
      for (let spin = 0; spin < SPINS; spin++) {
        holder = Atomics.compareExchange(this.#ints, lock, 0, ticket);
        if (holder === 0) return ticket;
      }
      if (holder !== before) waits = 0;
      // Of several who waited for a dead thread, one gets its place.
      else if (waits >= WAITS_TO_TAKE_OVER && Atomics.compareExchange(this.#ints, lock, holder, ticket) === holder)
        return ticket;
      Atomics.wait(this.#ints, lock, holder, WAIT_MS);
    }
  }

  release(lock: number, ticket: number): void {
    // Whoever was so slow that the lock was taken over must not open it for a third.
    if (Atomics.compareExchange(this.#ints, lock, ticket, 0) === ticket) Atomics.notify(this.#ints, lock, 1);
  }
}
