// Which endpoints may get requests at a moment, in groups that each get a share of them: by health, priority and zone, with weights
// that grow after a start. Pure. Each step only narrows or scales; picking one endpoint is the balancer's.
import { takesRequests } from '#memory/endpoint-table.ts';
import type { Endpoint, GroupingSettings, SlowStart } from '#model/upstream.ts';

export interface EndpointGroup {
  /** Of the requests: all shares make 1. */
  readonly share: number;
  /** Not empty. */
  readonly endpoints: readonly Endpoint[];
}

export interface Grouping {
  readonly groups: readonly EndpointGroup[];
  /** Wall-clock time at which weights have grown and it is to be made anew; infinite when nothing grows. */
  readonly validUntil: number;
}

/** Weights of starting endpoints grow in so many steps. */
const SLOW_START_STEPS = 50;
/** What a starting endpoint gets at least, so that something is learned of it. */
const LEAST_FACTOR = 0.05;

interface Level {
  readonly active: readonly Endpoint[];
  readonly well: readonly Endpoint[];
}

/** Groups endpoints as the rules say; no group is empty, and there is none when nobody is left. */
export function groupEndpoints(endpoints: readonly Endpoint[], rules: GroupingSettings, wallMs: number): Grouping {
  const active = endpoints.filter(({ weight, cells }) => weight > 0 && cells.status !== 'draining');
  const groups = levelsOf(active).flatMap(({ level, share }) => byZone(level, share, rules));
  const total = groups.reduce((sum, { share }) => sum + share, 0);
  return slowed(
    groups.map((group) => ({ ...group, share: group.share / total })),
    rules.slowStart,
    wallMs,
  );

  function levelsOf(all: readonly Endpoint[]): readonly { level: Level; share: number }[] {
    const serving = withoutWarming(all);
    const levels = split(serving);
    const shares = sharesOf(levels, rules.overflow);
    const carried = shares.reduce((sum, share) => sum + share, 0);
    // Panic: with so few endpoints left, health checks are more likely wrong than right, and sending all requests to the rest
    // would bring that down too. Not while another priority carries what this one cannot.
    const well = levels.flatMap((level) => level.well);
    if (rules.sleeps && well.length === 0) return [];
    if (carried < 1 && weightOf(well) < rules.panicThreshold * weightOf(serving)) {
      return split(all).map((level) => ({ level: { ...level, well: level.active }, share: weightOf(level.active) }));
    }
    return levels.map((level, i) => ({ level, share: shares[i] as number }));
  }
}

/** Endpoints that are warming up have carried nothing yet: nobody misses them, unless there are no others. */
function withoutWarming(all: readonly Endpoint[]): readonly Endpoint[] {
  const serving = all.filter(({ cells }) => cells.status !== 'warming');
  return serving.length > 0 ? serving : all;
}

/** By priority, the smallest number first. */
function split(active: readonly Endpoint[]): readonly Level[] {
  const priorities = [...new Set(active.map(({ priority }) => priority))].sort((a, b) => a - b);
  return priorities.map((priority) => {
    const members = active.filter((endpoint) => endpoint.priority === priority);
    return { active: members, well: members.filter(isWell) };
  });
}

/** How much of the requests each level carries: the first as much as it can, each further one of what is left. */
function sharesOf(levels: readonly Level[], overflow: number): readonly number[] {
  let left = 1;
  return levels.map(({ active, well }) => {
    const share = Math.min(left, capacity(weightOf(well), weightOf(active), overflow));
    left -= share;
    return share;
  });
}

/** What part of its requests a set of endpoints can carry: all down to `overflow`, then in proportion. */
function capacity(wellWeight: number, activeWeight: number, overflow: number): number {
  if (wellWeight === 0) return 0;
  return overflow === 0 ? 1 : Math.min(1, wellWeight / activeWeight / overflow);
}

/** The endpoints of the gateway's own zone carry what they can; those of other zones the rest. */
function byZone(
  { active, well }: Level,
  share: number,
  { zone, overflow }: GroupingSettings,
): readonly EndpointGroup[] {
  if (share === 0 || well.length === 0) return [];
  const near = well.filter((endpoint) => endpoint.zone === zone);
  if (zone === '' || near.length === 0 || near.length === well.length) return [{ share, endpoints: well }];
  const nearActive = active.filter((endpoint) => endpoint.zone === zone);
  const kept = capacity(weightOf(near), weightOf(nearActive), overflow);
  const far = well.filter((endpoint) => endpoint.zone !== zone);
  const groups = [
    { share: share * kept, endpoints: near },
    { share: share * (1 - kept), endpoints: far },
  ];
  return groups.filter((group) => group.share > 0);
}

/** Gives endpoints that have begun a short time ago a part of their weight. */
function slowed(groups: readonly EndpointGroup[], slowStart: SlowStart | undefined, wallMs: number): Grouping {
  if (!slowStart) return { groups, validUntil: Number.POSITIVE_INFINITY };
  let growing = false;
  const scaled = groups.map(({ share, endpoints }) => ({
    share,
    endpoints: endpoints.map((endpoint) => {
      const age = endpoint.cells.readyForMs(wallMs);
      if (age >= slowStart.timeMs) return endpoint;
      growing = true;
      const factor = Math.max(LEAST_FACTOR, (age / slowStart.timeMs) ** slowStart.exponent);
      return { ...endpoint, weight: endpoint.weight * factor };
    }),
  }));
  return growing
    ? { groups: scaled, validUntil: wallMs + slowStart.timeMs / SLOW_START_STEPS }
    : { groups, validUntil: Number.POSITIVE_INFINITY };
}

function isWell({ cells }: Endpoint): boolean {
  return takesRequests(cells.status);
}

function weightOf(endpoints: readonly Endpoint[]): number {
  return endpoints.reduce((sum, { weight }) => sum + weight, 0);
}
