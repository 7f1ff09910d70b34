// The loop of every resolver: one round after the other until it is stopped, after failures later and later.
import type { ResolverHost } from '#model/resolver.ts';

/** One round: resolves with how long to wait for the next one, in milliseconds; rejects when it failed. */
export type Round = (signal: AbortSignal) => Promise<number>;

export interface Backoff {
  /** After the first failure in a row; each further one doubles it. */
  readonly minMs: number;
  readonly maxMs: number;
}

/** For what is asked by a connection that stands all the time. */
export const RECONNECT: Backoff = { minMs: 1000, maxMs: 30_000 };

/** Waits are longer or shorter by up to this share, so that many gateways do not ask at the same time. */
const JITTER = 0.2;

export class Rounds {
  readonly #host: ResolverHost;
  readonly #backoff: Backoff;
  readonly #abort = new AbortController();
  #clearTimer: (() => void) | undefined = undefined;
  #failures = 0;

  constructor(host: ResolverHost, backoff: Backoff) {
    this.#host = host;
    this.#backoff = backoff;
  }

  /** Begins the first round at once. `failed` is told why a round failed, unless it was stopped. */
  start(round: Round, failed: (reason: string) => void): void {
    void this.#run(round, failed);
  }

  /** Ends the round under way and all to come. */
  stop(): void {
    this.#abort.abort();
    this.#clearTimer?.();
  }

  async #run(round: Round, failed: (reason: string) => void): Promise<void> {
    const { signal } = this.#abort;
    const startedAt = this.#host.now();
    let waitMs: number;
    try {
      waitMs = await round(signal);
      this.#failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      failed(reasonOf(error));
      // A round that went well for long has nothing to do with failures before it.
      if (this.#host.now() - startedAt > this.#backoff.maxMs) this.#failures = 0;
      waitMs = this.#afterFailure();
    }
    if (!signal.aborted) this.#clearTimer = this.#host.setTimer(() => void this.#run(round, failed), waitMs);
  }

  #afterFailure(): number {
    const { minMs, maxMs } = this.#backoff;
    const waitMs = Math.min(maxMs, minMs * 2 ** this.#failures);
    // Bounded, so that the power stays a number.
    this.#failures = Math.min(this.#failures + 1, 30);
    return waitMs * (1 + JITTER * (2 * this.#host.random() - 1));
  }
}

function reasonOf(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException;
  // An AggregateError of several addresses that failed has no message.
  return message || code || String(error);
}
