// How late the event loop is with what it has to do, as a timer that should come at equal intervals sees it.

/** A single late turn is no overload: all of so many in a row must be late. */
const LOOKED_AT = 4;

export class LoopDelay {
  readonly #intervalMs: number;
  readonly #late = new Float64Array(LOOKED_AT);
  #at = 0;
  #last: number | undefined = undefined;
  #standingMs = 0;

  /** `tick` is to be called every `intervalMs`. */
  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** The delay that was there all the time lately: the least of the last ones. */
  get standingMs(): number {
    return this.#standingMs;
  }

  /** `nowMs` is that of `Clock.now`. */
  tick(nowMs: number): void {
    if (this.#last !== undefined) {
      this.#late[this.#at] = Math.max(0, nowMs - this.#last - this.#intervalMs);
      this.#at = (this.#at + 1) % LOOKED_AT;
      this.#standingMs = Math.min(...this.#late);
    }
    this.#last = nowMs;
  }
}
