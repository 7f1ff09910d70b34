// First in, first out, with a way out for those that give up: each step costs the same however many there are.

/** What stands in a `Queue`, in one at a time. The members belong to the queue. */
export interface Queued<Item> {
  before: Item | undefined;
  behind: Item | undefined;
}

export class Queue<Item extends Queued<Item>> {
  #first: Item | undefined = undefined;
  #last: Item | undefined = undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Who is next; `undefined` when nobody is there. */
  get first(): Item | undefined {
    return this.#first;
  }

  /** Who has come last. */
  get last(): Item | undefined {
    return this.#last;
  }

  push(item: Item): void {
    item.before = this.#last;
    if (this.#last) this.#last.behind = item;
    else this.#first = item;
    this.#last = item;
    this.#size++;
  }

  /** Takes out who is next. */
  shift(): Item | undefined {
    const item = this.#first;
    if (item) this.remove(item);
    return item;
  }

  /** Takes out one that may stand anywhere; returns whether it stood there. */
  remove(item: Item): boolean {
    const { before, behind } = item;
    if (!before && this.#first !== item) return false;
    if (before) before.behind = behind;
    else this.#first = behind;
    if (behind) behind.before = before;
    else this.#last = before;
    // In old memory it would keep those alive that stood beside it.
    item.before = undefined;
    item.behind = undefined;
    this.#size--;
    return true;
  }
}
