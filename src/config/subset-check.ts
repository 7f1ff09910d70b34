// Whether a target's subset can have an endpoint at all: told from what is listed; what resolvers will find nobody knows yet.
import type { RouteConfig, UpstreamConfig } from './config-schema.ts';

/** An upstream, or a subset of one, under timeouts of its own where it has any. */
export interface Target {
  readonly upstream: string;
  readonly subset?: Labels | undefined;
  readonly 'when-empty': 'none' | 'any';
  readonly timeouts?: RouteConfig['timeouts'];
}

type Labels = Readonly<Record<string, string>>;

/** A sentence that says so when no listed endpoint bears the labels; `undefined` when one does, or none is listed. */
export function emptySubset(target: Target, upstream: UpstreamConfig | undefined): string | undefined {
  const { subset } = target;
  const endpoints = upstream?.endpoints ?? [];
  if (!subset || endpoints.length === 0) return undefined;
  const wanted = Object.entries(subset);
  if (endpoints.some(({ labels }) => wanted.every(([name, value]) => (labels as Labels)[name] === value)))
    return undefined;
  const known = new Set(endpoints.map(({ labels }) => format(labels)).filter((text) => text !== ''));
  const told = known.size === 0 ? 'none has labels' : `there are ${[...known].join('; ')}`;
  return `no endpoint of ${target.upstream} bears ${format(subset)}; ${told}`;
}

function format(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}: ${value}`)
    .join(', ');
}
