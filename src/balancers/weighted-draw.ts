// Draws one of several endpoints at random in proportion to their weights: shared by the balancers that draw.
import type { Random } from '#lib/random.ts';
import type { Endpoint } from '#model/upstream.ts';

/** Returns an endpoint; `candidates` is not empty. */
export function drawWeighted(candidates: readonly Endpoint[], random: Random): Endpoint {
  let total = 0;
  for (const { weight } of candidates) total += weight;
  let point = random() * total;
  for (const endpoint of candidates) {
    point -= endpoint.weight;
    if (point < 0) return endpoint;
  }
  return candidates[candidates.length - 1] as Endpoint;
}

/** How often a second draw may repeat the first before that is taken: weights may make others very rare. */
const DRAWS = 4;

/** Draws again, for an endpoint other than `first`; returns `first` when there is none or it is drawn every time. */
export function drawAnother(candidates: readonly Endpoint[], first: Endpoint, random: Random): Endpoint {
  if (candidates.length < 2) return first;
  let second = first;
  for (let draw = 0; draw < DRAWS && second === first; draw++) second = drawWeighted(candidates, random);
  return second;
}

/** Requests in flight per unit of weight, the one to come included. */
export function loadOf(endpoint: Endpoint): number {
  return (endpoint.cells.inFlight + 1) / Math.max(endpoint.weight, Number.MIN_VALUE);
}
