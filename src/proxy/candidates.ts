// Which endpoints of an upstream may get the next attempt: a group that is usable now, without those that were tried. Picking one is
// the balancer's; how groups come about is in endpoint-groups.ts.
import type { Random } from '#lib/random.ts';
import { takesRequests } from '#memory/endpoint-table.ts';
import type { Exchange } from '#model/exchange.ts';
import type { Endpoint, Upstream } from '#model/upstream.ts';
import { type Grouping, groupEndpoints } from './endpoint-groups.ts';

interface Cached extends Grouping {
  readonly endpoints: readonly Endpoint[];
  readonly epoch: number;
}

/** By upstream; good until the endpoints, any endpoint's status or the weights of starting ones change. */
const cache = new WeakMap<Upstream, Cached>();

/**
 * The candidates for an attempt: usable, and, unless the balancer passes over them itself, not in `tried`; empty when there is
 * none. The same array comes back from call to call while nothing changes, which costs one atomic read.
 */
export function candidates(
  upstream: Upstream,
  exchange: Exchange,
  tried: readonly Endpoint[],
  random: Random,
): readonly Endpoint[] {
  const { groups } = grouping(upstream, exchange);
  const first = groups[0];
  if (!first) return [];
  const group = groups.length === 1 ? first : drawGroup(groups, upstream.balancer.pointOf?.(exchange) ?? random());
  if (tried.length === 0) return group.endpoints;
  const left = untried(group.endpoints, tried);
  if (left.length > 0) return upstream.balancer.skipsTried ? group.endpoints : left;
  // All of the group were tried: those of the other groups, then those that get requests only when these cannot carry them.
  const others = untried(
    groups.flatMap(({ endpoints }) => endpoints),
    tried,
  );
  return others.length > 0 ? others : firstPriority(untried(upstream.endpoints.filter(isWell), tried));
}

/** Whether two objects stand for the same endpoint: one that starts slowly has several, of different weight. */
export function isSameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return a.cells === b.cells;
}

function grouping(upstream: Upstream, exchange: Exchange): Cached {
  const cached = cache.get(upstream);
  const epoch = upstream.epoch();
  if (
    cached &&
    cached.epoch === epoch &&
    cached.endpoints === upstream.endpoints &&
    (cached.validUntil === Number.POSITIVE_INFINITY || exchange.clock.wall() < cached.validUntil)
  )
    return cached;
  const { endpoints } = upstream;
  const made = { ...groupEndpoints(endpoints, upstream.grouping, exchange.clock.wall()), endpoints, epoch };
  cache.set(upstream, made);
  return made;
}

function drawGroup(groups: Grouping['groups'], point: number): Grouping['groups'][number] {
  let left = point;
  for (const group of groups) {
    left -= group.share;
    if (left < 0) return group;
  }
  return groups[groups.length - 1] as Grouping['groups'][number];
}

function isWell({ weight, cells }: Endpoint): boolean {
  return weight > 0 && takesRequests(cells.status);
}

/** Those whose priority is the smallest. */
function firstPriority(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const least = Math.min(...endpoints.map(({ priority }) => priority));
  return endpoints.filter(({ priority }) => priority === least);
}

function untried(endpoints: readonly Endpoint[], tried: readonly Endpoint[]): readonly Endpoint[] {
  return endpoints.filter((endpoint) => !tried.some((one) => isSameEndpoint(one, endpoint)));
}
