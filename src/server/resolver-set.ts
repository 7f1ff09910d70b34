// Runs the resolvers of a configuration and keeps their last answers. Main thread only.
import type { Config, UpstreamConfig } from '#config/config-schema.ts';
import { logWith } from '#lib/log.ts';
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

/** An upstream some of whose endpoints are resolved. */
interface ResolvedUpstream {
  readonly name: string;
  config: UpstreamConfig;
  running: readonly Running[];
  /** Resolvers that only the configuration before needs: there may be a way back to it. */
  leaving: readonly Running[];
  /** All of its endpoints. */
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

  /** Starts what `config` needs. Resolvers whose options did not change go on; those that it does not need do so until `settle`. */
  use(config: Config): void {
    for (const [name, state] of this.#upstreams) if (!config.upstreams[name]) giveUp(state);
    for (const [name, upstream] of Object.entries(config.upstreams)) this.#useUpstream(name, upstream);
  }

  /** Stops what the configuration in use does not need. */
  settle(): void {
    for (const [name, state] of this.#upstreams) {
      for (const { resolver } of state.leaving) resolver.stop();
      state.leaving = [];
      if (state.running.length === 0) this.#upstreams.delete(name);
    }
  }

  /** The endpoints of an upstream as far as they are known: listed and resolved ones in the order written, each address once. */
  endpoints(name: string, upstream: UpstreamConfig): readonly ResolvedEndpoint[] {
    const state = this.#upstreams.get(name);
    return unique((state?.running.length ? state.endpoints.current : upstream.endpoints) ?? []);
  }

  stop(): void {
    for (const state of this.#upstreams.values()) giveUp(state);
    this.settle();
  }

  #useUpstream(name: string, upstream: UpstreamConfig): void {
    const wanted = wantedResolvers(upstream);
    const known = this.#upstreams.get(name);
    if (wanted.length === 0) {
      if (known) giveUp(known);
      return;
    }
    const state = known ?? this.#add(name, upstream);
    state.config = upstream;
    state.endpoints.configure(dampingOf(upstream));
    const all = [...state.running, ...state.leaving];
    const running = (key: string) => all.find((one) => one.key === key);
    // Until a resolver has its first answer, what those found that it replaces stays in use.
    const found = state.running.filter((one) => !wanted.some(({ key }) => key === one.key)).flatMap((one) => one.found);
    state.running = wanted.map((one) => running(one.key) ?? this.#start(state, one, found));
    state.leaving = all.filter((one) => !state.running.includes(one));
    state.endpoints.replace(allEndpoints(state));
  }

  #add(name: string, config: UpstreamConfig): ResolvedUpstream {
    const endpoints = new DampedEndpoints(dampingOf(config), this.#host, () => this.#onChange(name));
    const state: ResolvedUpstream = { name, config, running: [], leaving: [], endpoints };
    this.#upstreams.set(name, state);
    return state;
  }

  #start(state: ResolvedUpstream, wanted: Wanted, found: readonly ResolvedEndpoint[]): Running {
    const module = resolvers.find(({ type }) => type === wanted.type);
    if (!module) throw new Error(`resolver ${wanted.type} passed the schema but is not registered`);
    const host = { ...this.#host, log: logWith(this.#host.log, { upstream: state.name }) };
    const running: Running = { resolver: module.create(wanted.options, host), key: wanted.key, found };
    let isFirst = true;
    running.resolver.start((answer) => {
      running.found = answer.map((endpoint) => ({ ...endpoint, ...wanted.listed }));
      // Whether there is a way back to it is known when the change under way has ended.
      if (state.leaving.includes(running)) this.#onChange(state.name);
      // What comes after it was stopped is of no use.
      if (!state.running.includes(running)) return;
      if (isFirst) state.endpoints.offerFirst(allEndpoints(state));
      else state.endpoints.offer(allEndpoints(state));
      isFirst = false;
    });
    return running;
  }
}

/** Keeps the resolvers of an upstream that needs none until it is settled. */
function giveUp(state: ResolvedUpstream): void {
  state.leaving = [...state.running, ...state.leaving];
  state.running = [];
  state.endpoints.stop();
}

function allEndpoints({ config, running }: ResolvedUpstream): readonly ResolvedEndpoint[] {
  const found = running.map((one) => one.found);
  if (config.resolve) return found.flat();
  let names = 0;
  return (config.endpoints ?? []).flatMap((endpoint) =>
    needsResolving(endpoint) ? (found[names++] ?? []) : [endpoint],
  );
}

interface Wanted {
  readonly type: string;
  readonly options: unknown;
  /** What stands beside a listed name, and goes for each of its addresses. */
  readonly listed: Partial<ResolvedEndpoint>;
  /** Tells resolvers apart. */
  readonly key: string;
}

function wantedResolvers(upstream: UpstreamConfig): readonly Wanted[] {
  const { resolve } = upstream;
  const wanted = resolve
    ? [{ type: resolve.type, options: resolve.options, listed: {} }]
    : (upstream.endpoints ?? []).filter(needsResolving).map(({ host, port, socketPath: _none, ...listed }) => ({
        type: dnsResolver.type,
        options: dnsResolver.options.parse({ name: host, port }),
        listed,
      }));
  return wanted.map((one) => ({ ...one, key: JSON.stringify(one) }));
}

function dampingOf({ resolve }: UpstreamConfig): Damping {
  return resolve ? { throttleMs: resolve.shared.throttle, holdMs: resolve.shared.hold } : NAME_DAMPING;
}

function needsResolving({ host, socketPath }: ResolvedEndpoint): boolean {
  return socketPath === '' && !host.includes(':') && !/^[0-9.]+$/.test(host);
}
