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
   * Calls `accept` with the indexes of members, the most preferred first and each at most once, until it returns true. `low` and
   * `high` are the two halves of the key's hash.
   */
  walk(low: number, high: number, accept: (member: number) => boolean): void;
}

/** Tells members that were seen in one walk from the others, without an allocation a walk. */
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

  /** Marks a member; returns whether it is the first time in this walk. */
  isNew(member: number): boolean {
    if (this.#marks[member] === this.#walk) return false;
    this.#marks[member] = this.#walk;
    this.#left--;
    return true;
  }
}
