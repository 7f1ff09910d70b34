// Whose turn it is to write to an output that several threads share. A pipe takes a page at a time, so that what threads write at once would
// come out mixed; POSIX promises otherwise for no more than PIPE_BUF octets (write(2)).

/** Nobody writes. */
const FREE = 0;

/** One thread's view; made anew by each thread on the same memory. */
export class OutputTurn {
  readonly #holder: Int32Array;
  readonly #own: number;

  static createMemory(): SharedArrayBuffer {
    return new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  }

  /** `thread` is from 0 on. */
  constructor(memory: SharedArrayBuffer, thread: number) {
    this.#holder = new Int32Array(memory);
    this.#own = thread + 1;
  }

  /** Takes the turn, unless somebody has it, be it this thread for something else; returns whether it was to be had. */
  take(): boolean {
    return Atomics.compareExchange(this.#holder, 0, FREE, this.#own) === FREE;
  }

  /** Gives back the turn of this thread, if it has it: when it has written, or, in its place, when it has died. */
  giveBack(): void {
    Atomics.compareExchange(this.#holder, 0, this.#own, FREE);
  }
}
