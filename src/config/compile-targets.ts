// Finds what the targets of routes name: an upstream, or a subset of one, which all routes that name it share.
import type { Upstream } from '#model/upstream.ts';
import { createSubset } from '#proxy/subset.ts';
import type { CompileHost } from './compile-host.ts';
import { compileBalancer } from './compile-upstream.ts';
import type { Config, UpstreamConfig } from './config-schema.ts';
import type { Target } from './subset-check.ts';

/** Returns the upstream that a target names. */
export type Targets = (target: Target) => Upstream;

export function compileTargets(config: Config, upstreams: ReadonlyMap<string, Upstream>, host: CompileHost): Targets {
  const subsets = new Map<string, Upstream>();
  return ({ upstream: name, subset: labels, 'when-empty': whenEmpty }) => {
    const whole = upstreams.get(name) as Upstream;
    if (!labels) return whole;
    const key = JSON.stringify([name, Object.entries(labels).sort(), whenEmpty]);
    const known = subsets.get(key);
    if (known) return known;
    const balancer = compileBalancer(config.upstreams[name] as UpstreamConfig, host);
    const subset = createSubset(whole, { labels, whenEmpty, balancer });
    subsets.set(key, subset);
    return subset;
  };
}
