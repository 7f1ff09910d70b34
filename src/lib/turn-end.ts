// Runs what was asked for at the end of this turn of the event loop, together: what many connections have to send is then written once
// a connection, and not once a message.

export interface Flushable {
  /** Called once for each time it was added. */
  flush(): void;
}

export class TurnEnd {
  #waiting: Flushable[] = [];

  /** Has `flush` called at the end of this turn. */
  add(flushable: Flushable): void {
    if (this.#waiting.length === 0) setImmediate(this.#run);
    this.#waiting.push(flushable);
  }

  readonly #run = (): void => {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const flushable of waiting) flushable.flush();
  };
}
