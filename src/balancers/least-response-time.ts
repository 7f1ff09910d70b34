// The endpoint that answers fastest: an average of its latencies that jumps to a peak at once and decays over time (peak EWMA, as in
// Finagle), times its requests in flight.
import type { Clock } from '#lib/clock.ts';
import type { Random } from '#lib/random.ts';
import { type Balancer, defineBalancer } from '#model/balancer.ts';
import type { Endpoint } from '#model/upstream.ts';
import { s } from '#schema/blocks.ts';
import { drawAnother, drawWeighted } from './weighted-draw.ts';

/** What an attempt without a response counts as: as bad as a very slow one. */
const FAILURE_MS = 5000;
/**
 * Smaller differences are noise, and that the average of who is asked less often has decayed a little further: the weights, which are
 * in the first draw, shall decide then.
 */
const CLEARLY_LESS = 0.9;

export const leastResponseTime = defineBalancer({
  type: 'least-response-time',
  summary:
    'Of two endpoints drawn by weight, the one with the lower latency (an average that jumps to peaks and decays) times requests in flight, over all workers.',
  options: () =>
    s.object({
      decay: s
        .duration()
        .prefault('10s')
        .describe(
          'Time in which a past latency loses most of its say; an endpoint that gets nothing is tried again after some of it.',
        ),
    }),
  create: ({ decay }, { clock, random }) => new LeastResponseTime(decay, clock, random),
});

class LeastResponseTime implements Balancer {
  readonly #decayMs: number;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(decayMs: number, clock: Clock, random: Random) {
    this.#decayMs = decayMs;
    this.#clock = clock;
    this.#random = random;
  }

  pick(candidates: readonly Endpoint[]): Endpoint {
    const first = drawWeighted(candidates, this.#random);
    const second = drawAnother(candidates, first, this.#random);
    if (second === first) return first;
    const now = this.#clock.wall();
    return this.#cost(second, now) < this.#cost(first, now) * CLEARLY_LESS ? second : first;
  }

  observe({ cells }: Endpoint, latencyMs: number): void {
    cells.recordLatency(latencyMs < 0 ? FAILURE_MS : latencyMs, this.#clock.wall(), this.#decayMs);
  }

  /**
   * The average decays towards zero while nothing is observed, so that an endpoint that was slow once is asked again; one that was
   * never asked costs nothing.
   */
  #cost({ cells, weight }: Endpoint, now: number): number {
    return cells.latencyMs(now, this.#decayMs) * (cells.inFlight / weight + 1);
  }
}
