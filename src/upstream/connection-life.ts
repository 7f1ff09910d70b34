// How long a connection to an endpoint serves: counts its requests and knows its age. Not for how long it may rest between two of them.
import type { Clock } from '#lib/clock.ts';
import type { Random } from '#lib/random.ts';
import type { PoolSettings } from '#model/upstream.ts';

/** Ages are drawn up to this part below the greatest, so that connections of one moment do not end in one moment. */
const JITTER = 0.2;

export class ConnectionLife {
  requests = 0;
  readonly #clock: Clock;
  readonly #bornAt: number;
  /** Of the greatest age, the part that this one gets. */
  readonly #part: number;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#bornAt = clock.now();
    this.#part = 1 - JITTER * random();
  }

  /** Whether it is not to get another request; the settings are the newest. */
  isOver({ maxRequests, maxAgeMs }: PoolSettings): boolean {
    if (this.requests >= maxRequests) return true;
    return maxAgeMs !== undefined && this.#clock.now() - this.#bornAt >= maxAgeMs * this.#part;
  }
}
