// Runs the resolvers of a configuration and keeps their last answers. Main thread only.
import type { Config, UpstreamConfig } from '#config/config-schema.ts';
import type { ResolvedEndpoint, Resolver, ResolverHost } from '#model/resolver.ts';
import { dnsResolver } from '#resolvers/dns.ts';
import { unique } from '#resolvers/endpoint-list.ts';
import { resolvers } from '#resolvers/index.ts';
import { DampedEndpoints, type Damping } from './damped-endpoints.ts';

interface Running {
  readonly resolver: Resolver;
  readonly key: string;
  found: readonly ResolvedEndpoint[];
}

interface ResolvedUpstream {
  running: readonly Running[];
  readonly endpoints: DampedEndpoints;
}

/** For names among listed endpoints, which are resolved like those of the `dns` resolver. */
const NAME_DAMPING: Damping = { throttleMs: 1000, holdMs: 0 };

export class ResolverSet {
  readonly #host: ResolverHost;
  readonly #onChange: (upstream: string) => void;
  readonly #upstreams = new Map<string, ResolvedUpstream>();

  /** `onChange` is called when an upstream has other endpoints. */
  constructor(host: ResolverHost, onChange: (upstream: string) => void) {
    this.#host = host;
    this.#onChange = onChange;
  }

  /** Starts what `config` needs; resolvers whose options did not change go on. */
  use(config: Config): void {
    for (const name of this.#upstreams.keys()) if (!config.upstreams[name]) this.#drop(name);
    for (const [name, upstream] of Object.entries(config.upstreams)) this.#useUpstream(name, upstream);
  }

  /** The endpoints of an upstream as far as they are known: listed addresses and resolved ones, each address once. */
  endpoints(name: string, upstream: UpstreamConfig): readonly ResolvedEndpoint[] {
    const listed = (upstream.endpoints ?? []).filter((endpoint) => !needsResolving(endpoint));
    const resolved = this.#upstreams.get(name)?.endpoints.current ?? [];
    return unique([...listed, ...resolved]);
  }

  stop(): void {
    for (const name of [...this.#upstreams.keys()]) this.#drop(name);
  }

  #drop(name: string): void {
    const upstream = this.#upstreams.get(name);
    this.#upstreams.delete(name);
    upstream?.endpoints.stop();
    for (const { resolver } of upstream?.running ?? []) resolver.stop();
  }

  #useUpstream(name: string, upstream: UpstreamConfig): void {
    const wanted = wantedResolvers(upstream);
    if (wanted.length === 0) {
      this.#drop(name);
      return;
    }
    const state = this.#upstreams.get(name) ?? this.#add(name, dampingOf(upstream));
    state.endpoints.configure(dampingOf(upstream));
    const before = state.running;
    const kept = new Set(wanted.flatMap(({ key }) => before.find((running) => running.key === key) ?? []));
    const leaving = before.filter((running) => !kept.has(running));
    for (const { resolver } of leaving) resolver.stop();
    // Until a resolver has its first answer, what those found that it replaces stays in use.
    const found = leaving.flatMap((running) => running.found);
    state.running = wanted.map(
      (one) => before.find((running) => running.key === one.key) ?? this.#start(state, one, found),
    );
    if (leaving.length > 0) state.endpoints.offerFirst(allFound(state));
  }

  #add(name: string, damping: Damping): ResolvedUpstream {
    const endpoints = new DampedEndpoints(damping, this.#host, () => this.#onChange(name));
    const state: ResolvedUpstream = { running: [], endpoints };
    this.#upstreams.set(name, state);
    return state;
  }

  #start(state: ResolvedUpstream, wanted: Wanted, found: readonly ResolvedEndpoint[]): Running {
    const module = resolvers.find(({ type }) => type === wanted.type);
    if (!module) throw new Error(`resolver ${wanted.type} passed the schema but is not registered`);
    const running: Running = { resolver: module.create(wanted.options, this.#host), key: wanted.key, found };
    let isFirst = true;
    running.resolver.start((answer) => {
      // What comes after it was stopped is of no use.
      if (!state.running.includes(running)) return;
      running.found = answer.map((endpoint) => ({ ...endpoint, ...wanted.listed }));
      if (isFirst) state.endpoints.offerFirst(allFound(state));
      else state.endpoints.offer(allFound(state));
      isFirst = false;
    });
    return running;
  }
}

function allFound({ running }: ResolvedUpstream): readonly ResolvedEndpoint[] {
  return running.flatMap(({ found }) => found);
}

interface Wanted {
  readonly type: string;
  readonly options: unknown;
  /** What is told of a listed name holds for all its addresses. */
  readonly listed: Pick<ResolvedEndpoint, 'weight' | 'priority' | 'zone'> | undefined;
  /** Tells resolvers apart. */
  readonly key: string;
}

function wantedResolvers(upstream: UpstreamConfig): readonly Wanted[] {
  const { resolve } = upstream;
  const wanted = resolve
    ? [{ type: resolve.type, options: resolve.options, listed: undefined }]
    : (upstream.endpoints ?? []).filter(needsResolving).map(({ host, port, weight, priority, zone }) => ({
        type: dnsResolver.type,
        options: dnsResolver.options.parse({ name: host, port }),
        listed: { weight, priority, zone },
      }));
  return wanted.map((one) => ({ ...one, key: JSON.stringify(one) }));
}

function dampingOf({ resolve }: UpstreamConfig): Damping {
  return resolve ? { throttleMs: resolve.shared.throttle, holdMs: resolve.shared.hold } : NAME_DAMPING;
}

function needsResolving({ host, socketPath }: ResolvedEndpoint): boolean {
  return socketPath === '' && !host.includes(':') && !/^[0-9.]+$/.test(host);
}
