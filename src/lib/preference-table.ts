// What consistent hashing is built on: puts members in an order of preference for a hash. The tables are in maglev-table.ts,
// ring-table.ts and rendezvous-table.ts.

export interface WeightedMember {
  /** Identity: the same name has the same keys wherever and whenever a table is built. */
  readonly name: string;
  /** Relative share; above 0. */
  readonly weight: number;
}

export interface PreferenceTable {
  /**
   * Offers members by their indexes to `accept`, the most preferred first, until it takes one or all were offered. `low` and `high`
   * are the two halves of the key's hash. Members may be offered again: each step is a draw by weight of its own, so that
   * taking a member with some probability only, told from `step`, gives it that part of its weight.
   */
  walk(low: number, high: number, accept: (member: number, step: number) => boolean): void;
}

/** Counts the members that were seen in one walk, without an allocation a walk. */
export class SeenMembers {
  readonly #marks: Uint32Array;
  #walk = 0;
  #left = 0;

  constructor(members: number) {
    this.#marks = new Uint32Array(members);
  }

  /** Begins a walk: nobody has been seen. */
  begin(): void {
    this.#walk = (this.#walk + 1) >>> 0;
    if (this.#walk === 0) {
      this.#marks.fill(0);
      this.#walk = 1;
    }
    this.#left = this.#marks.length;
  }

  /** Whether all have been seen. */
  get all(): boolean {
    return this.#left === 0;
  }

  mark(member: number): void {
    if (this.#marks[member] === this.#walk) return;
    this.#marks[member] = this.#walk;
    this.#left--;
  }
}
