// The dynamic table (RFC 7541 2.3.2 and 4): entries first in, first out, bounded by the sum of their sizes. Both the
// decoder and the encoder keep one; what an entry holds is theirs.
//
// A ring that grows: adding an entry moves none of the others.

const FIRST_CAPACITY = 16;

export class DynamicTable<Entry extends { readonly size: number }> {
  /** How many entries there are. */
  length = 0;
  /** How many entries were added in all, evicted ones included. */
  added = 0;
  #ring: (Entry | undefined)[] = [];
  /** Place of the newest entry. */
  #newest = 0;
  #bytes = 0;
  #maxBytes: number;
  readonly #evicted: ((entry: Entry) => void) | undefined;

  /** Calls `evicted` for every entry that leaves the table. */
  constructor(maxBytes: number, evicted?: (entry: Entry) => void) {
    this.#maxBytes = maxBytes;
    this.#evicted = evicted;
  }

  /** The sum of the sizes of all entries. */
  get bytes(): number {
    return this.#bytes;
  }

  get maxBytes(): number {
    return this.#maxBytes;
  }

  /** The entry at `position`, 0 being the newest; `undefined` beyond the oldest. */
  at(position: number): Entry | undefined {
    if (position >= this.length) return undefined;
    return this.#ring[(this.#newest - position) & (this.#ring.length - 1)];
  }

  /** Sets the bound, evicting what is beyond it (RFC 7541 4.3). */
  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes;
    this.#shrinkTo(maxBytes);
  }

  /** Adds an entry, evicting old ones for it; returns false for one larger than the table, which is empty then (4.4). */
  add(entry: Entry): boolean {
    this.#shrinkTo(Math.max(0, this.#maxBytes - entry.size));
    // RFC 7541 4.4: "an attempt to add an entry larger than the maximum size causes the table to be emptied of all
    // existing entries and results in an empty table", and is no error.
    if (entry.size > this.#maxBytes) return false;
    if (this.length === this.#ring.length) this.#grow();
    this.#newest = (this.#newest + 1) & (this.#ring.length - 1);
    this.#ring[this.#newest] = entry;
    this.#bytes += entry.size;
    this.length++;
    this.added++;
    return true;
  }

  #shrinkTo(bytes: number): void {
    while (this.#bytes > bytes) {
      const place = (this.#newest - this.length + 1) & (this.#ring.length - 1);
      const oldest = this.#ring[place] as Entry;
      this.#ring[place] = undefined;
      this.#bytes -= oldest.size;
      this.length--;
      this.#evicted?.(oldest);
    }
  }

  #grow(): void {
    const grown = new Array<Entry | undefined>(Math.max(FIRST_CAPACITY, this.#ring.length * 2)).fill(undefined);
    for (let i = 0; i < this.length; i++) grown[this.length - 1 - i] = this.at(i);
    this.#newest = this.length === 0 ? grown.length - 1 : this.length - 1;
    this.#ring = grown;
  }
}
