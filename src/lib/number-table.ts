// Values by whole numbers, as a `Map` has them, for tables whose entries come and go all the time.
//
// Hot path: when a `Map` makes room anew, V8 has the table it gives up point to the one that follows. Once one of them is in old memory,
// the collector carries all later tables along, and what was in them: here every request of a connection (measured: up to a third of
// the time of HTTP/2). This one gives nothing up but when it grows.

const LEAST_BITS = 4;
/** Spreads numbers that follow each other (Knuth: 2^32 divided by the golden ratio). */
const SPREAD = 0x9e3779b1;

export class NumberTable<Value extends object> {
  #size = 0;
  #bits = LEAST_BITS;
  #keys: number[] = new Array(1 << LEAST_BITS).fill(0);
  /** Beside each key; `undefined` where there is none. */
  #values: (Value | undefined)[] = new Array(1 << LEAST_BITS).fill(undefined);

  get size(): number {
    return this.#size;
  }

  get(key: number): Value | undefined {
    return this.#values[this.#find(key)];
  }

  has(key: number): boolean {
    return this.get(key) !== undefined;
  }

  set(key: number, value: Value): void {
    const at = this.#find(key);
    if (this.#values[at] === undefined) this.#size++;
    this.#keys[at] = key;
    this.#values[at] = value;
    if (this.#size * 2 > this.#values.length) this.#grow();
  }

  /** Returns whether there was one. */
  delete(key: number): boolean {
    let gap = this.#find(key);
    if (this.#values[gap] === undefined) return false;
    this.#size--;
    const mask = this.#values.length - 1;
    // Entries behind it that could not have the place they belong in move up.
    for (let at = (gap + 1) & mask; this.#values[at] !== undefined; at = (at + 1) & mask) {
      const home = this.#home(this.#keys[at] as number);
      if (((at - home) & mask) < ((at - gap) & mask)) continue;
      this.#keys[gap] = this.#keys[at] as number;
      this.#values[gap] = this.#values[at];
      gap = at;
    }
    this.#values[gap] = undefined;
    return true;
  }

  /** All values there are now, in no order. */
  values(): readonly Value[] {
    return this.#values.filter((value) => value !== undefined);
  }

  /** The place of the key, or the empty one where it would be. */
  #find(key: number): number {
    const mask = this.#values.length - 1;
    let at = this.#home(key);
    while (this.#values[at] !== undefined && this.#keys[at] !== key) at = (at + 1) & mask;
    return at;
  }

  #home(key: number): number {
    return Math.imul(key, SPREAD) >>> (32 - this.#bits);
  }

  #grow(): void {
    const keys = this.#keys;
    const values = this.#values;
    this.#bits++;
    this.#size = 0;
    this.#keys = new Array(1 << this.#bits).fill(0);
    this.#values = new Array(1 << this.#bits).fill(undefined);
    for (let at = 0; at < values.length; at++) {
      const value = values[at];
      if (value !== undefined) this.set(keys[at] as number, value);
    }
  }
}
