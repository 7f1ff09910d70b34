// Runs the resolvers of a configuration and keeps their last answers. Main thread only.
import type { Config, UpstreamConfig } from '#config/config-schema.ts';
import type { ResolvedEndpoint, Resolver, ResolverHost } from '#model/resolver.ts';
import { resolvers } from '#resolvers/index.ts';

interface Running {
  readonly resolver: Resolver;
  readonly key: string;
  found: readonly ResolvedEndpoint[];
}

/** Host names among listed endpoints are resolved like those of the `dns` resolver. */
const NAME_RESOLVER = 'dns';

export class ResolverSet {
  readonly #host: ResolverHost;
  readonly #onChange: (upstream: string) => void;
  readonly #running = new Map<string, Running[]>();

  /** `onChange` is called when an upstream has other endpoints. */
  constructor(host: ResolverHost, onChange: (upstream: string) => void) {
    this.#host = host;
    this.#onChange = onChange;
  }

  /** Starts what `config` needs; resolvers whose options did not change go on. */
  use(config: Config): void {
    for (const [name, running] of this.#running) {
      if (config.upstreams[name]) continue;
      for (const { resolver } of running) resolver.stop();
      this.#running.delete(name);
    }
    for (const [name, upstream] of Object.entries(config.upstreams)) this.#useUpstream(name, upstream);
  }

  /** The endpoints of an upstream as far as they are known, in the order written: listed addresses and resolved ones. */
  endpoints(name: string, upstream: UpstreamConfig): readonly ResolvedEndpoint[] {
    const found = (this.#running.get(name) ?? []).map((running) => running.found);
    if (upstream.resolve) return found.flat();
    let names = 0;
    return (upstream.endpoints ?? []).flatMap((endpoint) =>
      needsResolving(endpoint) ? (found[names++] ?? []) : [endpoint],
    );
  }

  stop(): void {
    for (const running of this.#running.values()) for (const { resolver } of running) resolver.stop();
    this.#running.clear();
  }

  #useUpstream(name: string, upstream: UpstreamConfig): void {
    const wanted = wantedResolvers(upstream);
    const before = this.#running.get(name) ?? [];
    const next = wanted.map(({ type, options, listed }): Running => {
      const key = JSON.stringify([type, options, listed]);
      return before.find((running) => running.key === key) ?? this.#start(name, { type, options, listed, key });
    });
    for (const running of before) if (!next.includes(running)) running.resolver.stop();
    if (next.length > 0) this.#running.set(name, next);
    else this.#running.delete(name);
  }

  #start(name: string, wanted: Wanted & { readonly key: string }): Running {
    const module = resolvers.find(({ type }) => type === wanted.type);
    if (!module) throw new Error(`resolver ${wanted.type} passed the schema but is not registered`);
    const running: Running = { resolver: module.create(wanted.options, this.#host), key: wanted.key, found: [] };
    running.resolver.start((found) => {
      running.found = found.map((endpoint) => ({ ...endpoint, ...wanted.listed }));
      this.#onChange(name);
    });
    return running;
  }
}

interface Wanted {
  readonly type: string;
  readonly options: unknown;
  /** What stands beside a listed host name, and goes for each of its addresses. */
  readonly listed: Partial<Pick<ResolvedEndpoint, 'weight' | 'priority' | 'zone' | 'labels'>>;
}

function wantedResolvers(upstream: UpstreamConfig): readonly Wanted[] {
  if (upstream.resolve) return [{ type: upstream.resolve.type, options: upstream.resolve.options, listed: {} }];
  return (upstream.endpoints ?? []).filter(needsResolving).map(({ host, port, weight, priority, zone, labels }) => ({
    type: NAME_RESOLVER,
    options: { name: host, port, family: 'any', servers: [] },
    listed: { weight, priority, zone, labels },
  }));
}

function needsResolving({ host, socketPath }: ResolvedEndpoint): boolean {
  return socketPath === '' && !host.includes(':') && !/^[0-9.]+$/.test(host);
}
