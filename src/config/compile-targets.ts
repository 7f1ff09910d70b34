// Finds what the targets of routes name: an upstream, a subset of one, either under timeouts of its own. Routes that name the same share it.
import type { Upstream, UpstreamTimeouts } from '#model/upstream.ts';
import { withTimeouts } from '#proxy/own-timeouts.ts';
import { createSubset } from '#proxy/subset.ts';
import type { CompileHost } from './compile-host.ts';
import { compileBalancer } from './compile-upstream.ts';
import type { Config, RouteConfig, UpstreamConfig } from './config-schema.ts';
import type { Target } from './subset-check.ts';

/** Returns the upstream that a target names. */
export type Targets = (target: Target) => Upstream;

export function compileTargets(config: Config, upstreams: ReadonlyMap<string, Upstream>, host: CompileHost): Targets {
  const made = new Map<string, Upstream>();
  /** Makes what has this key, once. */
  const share = (key: unknown, make: () => Upstream): Upstream => {
    const text = JSON.stringify(key);
    const upstream = made.get(text) ?? make();
    made.set(text, upstream);
    return upstream;
  };
  return ({ upstream: name, subset: labels, 'when-empty': whenEmpty, timeouts }) => {
    const whole = upstreams.get(name) as Upstream;
    const subsetKey = labels && [Object.entries(labels).sort(), whenEmpty];
    const part = labels
      ? share([name, subsetKey], () => {
          const balancer = compileBalancer(config.upstreams[name] as UpstreamConfig, host);
          return createSubset(whole, { labels, whenEmpty, balancer });
        })
      : whole;
    const own = ownTimeouts(timeouts);
    if (Object.keys(own).length === 0) return part;
    return share([name, subsetKey, own], () => withTimeouts(part, own));
  };
}

function ownTimeouts(timeouts: RouteConfig['timeouts'] = {}): Partial<UpstreamTimeouts> {
  const own = {
    firstByteMs: timeouts['first-byte'],
    idleMs: timeouts.idle,
    streamIdleMs: timeouts['stream-idle'],
    tunnelIdleMs: timeouts['tunnel-idle'],
  };
  return Object.fromEntries(Object.entries(own).filter(([, ms]) => ms !== undefined));
}
