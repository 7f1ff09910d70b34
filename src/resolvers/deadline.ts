// A signal that is aborted when its time is over, or when what it belongs to is stopped; and released, so that nothing is left behind.
import type { ResolverHost } from '#model/resolver.ts';

/**
 * It may seem wise to use AbortSignal.any and AbortSignal.timeout; however, a resolver's own signal lives for months, and would
 * hold what listens to it for each of its questions.
 */
export class Deadline {
  readonly #host: ResolverHost;
  readonly #owner: AbortSignal;
  readonly #abort = new AbortController();
  readonly #stop = () => this.#abort.abort();
  #isOver = false;
  #clearTimer: () => void = () => {};

  constructor(host: ResolverHost, owner: AbortSignal, timeoutMs: number) {
    this.#host = host;
    this.#owner = owner;
    if (owner.aborted) this.#stop();
    else owner.addEventListener('abort', this.#stop, { once: true });
    this.restart(timeoutMs);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Whether the time is over. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Sets another time, from now on. */
  restart(timeoutMs: number): void {
    this.#clearTimer();
    this.#clearTimer = this.#host.setTimer(() => {
      this.#isOver = true;
      this.#abort.abort();
    }, timeoutMs);
  }

  release(): void {
    this.#clearTimer();
    this.#owner.removeEventListener('abort', this.#stop);
  }
}
