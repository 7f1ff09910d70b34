// From configuration files and options to the simulations that they ask for: what is simulated against what.
import { balancers } from '#balancers/index.ts';
import { CommandError, EXIT } from '#cli/exit-codes.ts';
import { seriesKey } from '#config/compile-host.ts';
import type { Config } from '#config/config-schema.ts';
import { nearest } from '#lib/nearest.ts';
import { seededRandom } from '#lib/random.ts';
import { unique } from '#resolvers/endpoint-list.ts';
import { formatAddress } from '#schema/address.ts';
import { type Behaviour, parseBehaviour } from '#simulate/behaviour.ts';
import type { SimulationPlan } from '#simulate/run.ts';
import { addressesOf } from '#simulate/simulated-gateway.ts';
import { makeTraffic, type SimulatedRequest } from '#simulate/traffic.ts';
import type { EndpointOption, SimulateOptions } from './options.ts';

export interface LoadedFile {
  readonly file: string;
  readonly config: Config;
}

/** Recorded requests, and when they began. */
export interface Replay {
  readonly startsAt: number;
  readonly requests: readonly SimulatedRequest[];
}

/** Where made-up requests begin: any moment does, as long as it is the same every time. */
const START = Date.UTC(2026, 0, 1);

/** One plan for each file and balancer. Throws a `CommandError`. */
export function planSimulations(
  files: readonly LoadedFile[],
  options: SimulateOptions,
  replay: Replay | undefined,
): readonly SimulationPlan[] {
  return files.flatMap(({ file, config }) => {
    const upstream = chooseUpstream(config, options.upstream, file);
    const chosen = options.balancers.length > 0 ? options.balancers : [config.upstreams[upstream]?.balancer.type ?? ''];
    return chosen.map((type) => {
      const label = files.length === 1 ? type : options.balancers.length > 1 ? `${file} ${type}` : file;
      return planOne(withBalancer(config, upstream, type), { label, file, upstream }, options, replay);
    });
  });
}

function planOne(
  config: Config,
  names: { readonly label: string; readonly file: string; readonly upstream: string },
  options: SimulateOptions,
  replay: Replay | undefined,
): SimulationPlan {
  const { label, file, upstream } = names;
  const found = findEndpoints(config, upstream, options.endpoints);
  const behaviours = behavioursOf(config, found, upstream, options.endpoints);
  const others = options.endpoints.findLast(({ address }) => address === '*')?.behaviour ?? defaultBehaviour();
  const requests = replay?.requests ?? madeUp(config, { file, upstream }, options);
  return {
    label,
    config,
    found,
    upstream,
    seed: options.seed,
    startsAt: replay?.startsAt ?? START,
    requests: limited(requests, options.limit),
    behaviourOf: (key) => behaviours.get(key) ?? others,
  };
}

function chooseUpstream(config: Config, named: string | undefined, file: string): string {
  const names = Object.keys(config.upstreams);
  if (named === undefined) {
    const [only] = names;
    if (only !== undefined && names.length === 1) return only;
    throw new CommandError(
      EXIT.usage,
      names.length === 0 ? `${file} has no upstream to simulate` : `--upstream: name one of ${names.join(', ')}`,
    );
  }
  if (names.includes(named)) return named;
  const near = nearest(named, names);
  throw new CommandError(
    EXIT.usage,
    `--upstream: ${file} has no upstream "${named}"${near ? `; did you mean "${near}"?` : `; there are ${names.join(', ')}`}`,
  );
}

/** The balancer keeps its options where it is the one of the file; any other has its defaults. */
function withBalancer(config: Config, upstream: string, type: string): Config {
  const before = config.upstreams[upstream];
  const module = balancers.find((one) => one.type === type);
  if (!before || !module || before.balancer.type === type) return config;
  const balancer = { type, options: module.options.parse({}), shared: {} };
  return { ...config, upstreams: { ...config.upstreams, [upstream]: { ...before, balancer } } };
}

/** Nothing is resolved in a simulation: upstreams that are have the endpoints named on the command line, or none. */
function findEndpoints(config: Config, upstream: string, options: readonly EndpointOption[]): SimulationPlan['found'] {
  const found: Record<string, SimulationPlan['found'][string]> = {};
  for (const [name, { endpoints }] of Object.entries(config.upstreams)) if (!endpoints) found[name] = [];
  if (config.upstreams[upstream]?.endpoints) return found;
  const named = options.flatMap(({ address }) =>
    address === '*' ? [] : { ...address, weight: 1, priority: 0, zone: '' },
  );
  found[upstream] = unique(named);
  if (named.length > 0) return found;
  throw new CommandError(
    EXIT.usage,
    `the endpoints of ${upstream} are found by a resolver, which a simulation does not ask: name some with --endpoint ADDRESS=latency:20ms`,
  );
}

function behavioursOf(
  config: Config,
  found: SimulationPlan['found'],
  upstream: string,
  options: readonly EndpointOption[],
): ReadonlyMap<string, Behaviour> {
  const names = addressesOf(config, found, upstream).map(formatAddress);
  const behaviours = new Map<string, Behaviour>();
  for (const { address, behaviour } of options) {
    if (address === '*') continue;
    const name = formatAddress(address);
    if (!names.includes(name)) {
      const near = nearest(name, names);
      throw new CommandError(
        EXIT.usage,
        `--endpoint: ${upstream} has no endpoint ${name}${near ? `; did you mean ${near}?` : `; there are ${names.join(', ')}`}`,
      );
    }
    behaviours.set(seriesKey.endpoint(upstream, name), behaviour);
  }
  return behaviours;
}

function defaultBehaviour(): Behaviour {
  return parseBehaviour('') as Behaviour;
}

/** Requests that the first route to the upstream would take, as far as that can be told from it. */
function madeUp(
  config: Config,
  { file, upstream }: { readonly file: string; readonly upstream: string },
  options: SimulateOptions,
): Iterable<SimulatedRequest> {
  const route = config.routes.find((one) => one.upstream?.some((branch) => branch.upstream === upstream));
  if (!route) throw new CommandError(EXIT.usage, `no route of ${file} leads to the upstream ${upstream}`);
  const { method, host, path, headers } = options.request;
  const target = path ?? examplePath(route.match.path[0] ?? '/');
  const queryAt = target.indexOf('?');
  const plan = {
    ...options.arrivals,
    method: method ?? route.match.methods[0] ?? 'GET',
    authority: host ?? (route.match.hosts[0] ?? 'example.com').replace(/^\*/, 'www'),
    path: queryAt < 0 ? target : target.slice(0, queryAt),
    query: queryAt < 0 ? '' : target.slice(queryAt),
    headers,
    clients: options.clients,
  };
  return makeTraffic(plan, seededRandom(options.seed));
}

/** A path that a pattern takes; of a regular expression none can be told. */
function examplePath(pattern: string): string {
  if (pattern.startsWith('~')) return '/';
  return pattern.replace(/\/\*$/, '/').replace(/\/:[^/]+/g, '/1') || '/';
}

function* limited(requests: Iterable<SimulatedRequest>, limit: SimulateOptions['limit']): Generator<SimulatedRequest> {
  let left = limit.requests;
  for (const request of requests) {
    if (left-- <= 0 || request.atMs >= limit.ms) return;
    yield request;
  }
}
