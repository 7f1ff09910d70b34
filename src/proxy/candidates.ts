// Which endpoints of an upstream may get the next attempt: each step only narrows the list. Picking one is the balancer's.
import type { Endpoint, Upstream } from '#model/upstream.ts';

interface Cached {
  readonly endpoints: readonly Endpoint[];
  readonly epoch: number;
  readonly usable: readonly Endpoint[];
}

/** By upstream; good until the endpoints or any endpoint's status change. */
const cache = new WeakMap<Upstream, Cached>();

/**
 * The candidates for an attempt: usable, and, unless the balancer passes over them itself, not in `tried`; empty when there is
 * none. The same array comes back from call to call while nothing changes, which costs one atomic read.
 */
export function candidates(upstream: Upstream, tried: readonly Endpoint[]): readonly Endpoint[] {
  const usable = usableEndpoints(upstream);
  if (tried.length === 0) return usable;
  const left = usable.filter((endpoint) => !tried.includes(endpoint));
  return upstream.balancer.skipsTried && left.length > 0 ? usable : left;
}

function usableEndpoints(upstream: Upstream): readonly Endpoint[] {
  const cached = cache.get(upstream);
  const epoch = upstream.epoch();
  if (cached && cached.epoch === epoch && cached.endpoints === upstream.endpoints) return cached.usable;
  const usable = narrow(upstream);
  cache.set(upstream, { endpoints: upstream.endpoints, epoch, usable });
  return usable;
}

function narrow(upstream: Upstream): readonly Endpoint[] {
  const active = upstream.endpoints.filter(({ weight, cells }) => weight > 0 && cells.status !== 'draining');
  const well = active.filter(({ cells }) => cells.status !== 'unhealthy' && cells.status !== 'ejected');
  // Panic: with so few endpoints left, health checks are more likely wrong than right, and sending all traffic to the rest
  // would bring that down too.
  return weightOf(well) < upstream.panicThreshold * weightOf(active) ? active : well;
}

function weightOf(endpoints: readonly Endpoint[]): number {
  return endpoints.reduce((sum, { weight }) => sum + weight, 0);
}
