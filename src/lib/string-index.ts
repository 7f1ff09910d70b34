// A table from texts to values, for look-ups by texts that were just cut out of a message. Not for keys that a peer chooses:
// the entries come from the configuration.
//
// Hot path: a Map would make each such text a unique one first, which costs 0.6 us of a request; here it is hashed and compared.

interface Entry<Value> {
  readonly key: string;
  readonly value: Value;
  readonly next: Entry<Value> | undefined;
}

const FIRST_SIZE = 4;

export class StringIndex<Value> {
  /** Chains by hash; a power of two of them. */
  #chains: (Entry<Value> | undefined)[] = new Array(FIRST_SIZE).fill(undefined);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: string): Value | undefined {
    let entry = this.#chains[hash(key) & (this.#chains.length - 1)];
    while (entry !== undefined && entry.key !== key) entry = entry.next;
    return entry?.value;
  }

  /** Adds an entry. The key must not be there yet. */
  add(key: string, value: Value): void {
    if (this.get(key) !== undefined) throw new Error(`"${key}" is in the index already`);
    if (this.#size >= this.#chains.length) this.#grow();
    this.#insert(key, value);
    this.#size++;
  }

  #insert(key: string, value: Value): void {
    const chain = hash(key) & (this.#chains.length - 1);
    this.#chains[chain] = { key, value, next: this.#chains[chain] };
  }

  #grow(): void {
    const before = this.#chains;
    this.#chains = new Array(before.length * 2).fill(undefined);
    for (let entry of before) {
      for (; entry !== undefined; entry = entry.next) this.#insert(entry.key, entry.value);
    }
  }
}

function hash(text: string): number {
  let value = text.length;
  for (let i = 0; i < text.length; i++) value = (Math.imul(value, 31) + text.charCodeAt(i)) | 0;
  return value ^ (value >>> 15);
}
