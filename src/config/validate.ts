// Checks a configuration as a whole: first its shape, then what its parts say of each other. All problems come at once.
import { nearest } from '#lib/nearest.ts';
import type { ConfigurationProblem } from '#model/configuration-error.ts';
import { formatAddress } from '#schema/address.ts';
import { keysAt } from '#schema/shape-keys.ts';
import { certificateProblems } from './certificate-problems.ts';
import { type Config, configSchema, type ListenerConfig, type UpstreamConfig } from './config-schema.ts';
import { flattenIssues } from './flatten-issues.ts';
import { udp } from './listener-schema.ts';
import { passageProblems, passageTargets, transportOf } from './passage-problems.ts';
import type { TargetConfig } from './route-schema.ts';
import { emptySubset, type Target } from './subset-check.ts';

type Path = readonly (string | number)[];

/** What parts of a configuration say of each other wrongly. */
interface CrossProblem extends ConfigurationProblem {
  /** Where that stands which one part names and nobody finds. */
  readonly missing?: Path;
}

export type Validated =
  | { readonly config: Config; readonly problems: readonly [] }
  | { readonly config: undefined; readonly problems: readonly ConfigurationProblem[] };

/** Validates plain data as it was read from a file. */
export function validate(input: unknown): Validated {
  const result = configSchema.safeParse(input, { reportInput: true });
  const knownKeys = (path: Path) => keysAt(configSchema, path);
  const shapeProblems = result.success ? [] : flattenIssues(result.error.issues, knownKeys);
  // Parts that are wrong in themselves are left out for what remains to be checked against each other.
  const rest = result.success ? result : configSchema.safeParse(withoutPaths(input, shapeProblems));
  if (!rest.success) return { config: undefined, problems: shapeProblems };
  const config = completed(rest.data);
  const further = [
    ...routeProblems(config),
    ...upstreamProblems(config),
    ...listenerProblems(config),
    ...certificateProblems(config),
  ];
  const problems = [...shapeProblems, ...further.filter((problem) => !followsFrom(problem, shapeProblems))];
  return problems.length > 0 ? { config: undefined, problems } : { config, problems: [] };
}

/** Whether a problem is only there because a part that is wrong in itself was left out. */
function followsFrom({ path, missing }: CrossProblem, shapeProblems: readonly ConfigurationProblem[]): boolean {
  const whole = JSON.stringify(missing ?? path);
  return shapeProblems.some((shape) => JSON.stringify(missing ? shape.path : shape.path.slice(0, -1)) === whole);
}

/** A copy of `input` without the values that problems point at. */
function withoutPaths(input: unknown, problems: readonly ConfigurationProblem[]): unknown {
  const copy = structuredClone(input);
  for (const { path } of problems) {
    const parent = path
      .slice(0, -1)
      .reduce<unknown>((value, step) => (value as Record<string, unknown> | undefined)?.[step], copy);
    const key = path.at(-1);
    // Items of lists stay, so that those behind keep their numbers.
    if (typeof parent === 'object' && parent !== null && !Array.isArray(parent) && key !== undefined)
      delete (parent as Record<string, unknown>)[key];
  }
  return copy;
}

/**
 * Routes without a name are numbered, so that logs and metrics can tell them apart. UDP listeners that say nothing of their sessions
 * get the defaults.
 */
function completed(config: Config): Config {
  const listeners = Object.entries(config.listeners).map(([name, listener]): [string, ListenerConfig] => [
    name,
    listener.protocol === 'udp' ? { ...listener, udp: listener.udp ?? udp.parse({}) } : listener,
  ]);
  return {
    ...config,
    listeners: Object.fromEntries(listeners),
    routes: config.routes.map((route, i) => ({ ...route, name: route.name ?? `route-${i + 1}` })),
  };
}

function* routeProblems(config: Config): Generator<CrossProblem> {
  const seen = new Set<string>();
  for (const [i, route] of config.routes.entries()) {
    const path: Path = ['routes', i];
    const name = route.name as string;
    if (seen.has(name)) yield { path: [...path, 'name'], message: `two routes are named "${name}"` };
    seen.add(name);
    const ends = [route.upstream, route.redirect, route.respond].filter((end) => end !== undefined).length;
    if (ends !== 1) yield { path, message: 'a route needs exactly one of upstream, redirect and respond' };
    if (route.timeouts && !route.upstream)
      yield { path: [...path, 'timeouts'], message: 'are those of an upstream, and the route has none' };
    yield* targetProblems(config, route.upstream ?? [], [...path, 'upstream']);
    for (const target of route.upstream ?? []) yield* subsetProblems(config, target, [...path, 'upstream']);
  }
}

function* targetProblems(
  config: Config,
  targets: readonly Pick<TargetConfig, 'upstream' | 'weight'>[],
  path: Path,
): Generator<CrossProblem> {
  const names = Object.keys(config.upstreams);
  for (const target of targets) {
    if (names.includes(target.upstream)) continue;
    const near = nearest(target.upstream, names);
    const known = names.length === 0 ? 'there are none' : `there are ${names.join(', ')}`;
    const message = `no upstream is named "${target.upstream}"; ${near ? `did you mean "${near}"?` : known}`;
    yield { path, message, missing: ['upstreams', target.upstream] };
  }
  if (targets.length > 0 && targets.every((target) => target.weight === 0))
    yield { path, message: 'all weights of the split are 0' };
}

/** A subset that nobody can belong to and that falls back to nobody. */
function* subsetProblems(config: Config, target: Target, path: Path): Generator<CrossProblem> {
  const message = target['when-empty'] === 'none' && emptySubset(target, config.upstreams[target.upstream]);
  if (message) yield { path, message };
}

function* upstreamProblems(config: Config): Generator<CrossProblem> {
  for (const [name, upstream] of Object.entries(config.upstreams)) {
    const path: Path = ['upstreams', name];
    const { endpoints, resolve, wake } = upstream;
    const isListed = endpoints !== undefined && endpoints.length > 0;
    if ((isListed && resolve !== undefined) || (endpoints === undefined && resolve === undefined)) {
      yield { path, message: 'an upstream needs exactly one of endpoints and resolve' };
    }
    if (endpoints?.length === 0 && !resolve && !wake)
      yield { path: [...path, 'endpoints'], message: 'an upstream needs at least one endpoint, or wake to get some' };
    if (wake && (wake.command === undefined) === (wake.url === undefined))
      yield { path: [...path, 'wake'], message: 'needs exactly one of command and url' };
    if (wake?.url === undefined && Object.keys(wake?.headers ?? {}).length > 0)
      yield { path: [...path, 'wake', 'headers'], message: 'is of a request to url' };
    if (upstream.protocol === 'auto' && upstream.tls === false)
      yield {
        path: [...path, 'protocol'],
        message: 'auto is what the endpoint chooses in the TLS handshake; write tls too',
      };
    yield* scalingProblems(upstream, [...path, 'scaling']);
    yield* concurrencyProblems(upstream, [...path, 'concurrency']);
    const seen = new Set<string>();
    for (const [i, endpoint] of (upstream.endpoints ?? []).entries()) {
      const address = formatAddress(endpoint);
      if (endpoint.socketPath === '' && endpoint.port === 0)
        yield { path: [...path, 'endpoints', i], message: `"${address}": port 0 cannot be connected to` };
      if (seen.has(address))
        yield { path: [...path, 'endpoints', i], message: `the endpoint ${address} is listed twice` };
      seen.add(address);
    }
  }
}

const MIN_WINDOW_MS = 10_000;
const MAX_WINDOW_MS = 3_600_000;

function* scalingProblems({ scaling }: UpstreamConfig, path: Path): Generator<CrossProblem> {
  if (!scaling) return;
  const { min, max, window } = scaling;
  if (max !== undefined && max < min) yield { path: [...path, 'max'], message: `${max} is less than min, ${min}` };
  if (window < MIN_WINDOW_MS || window > MAX_WINDOW_MS)
    yield { path: [...path, 'window'], message: 'must be from 10s to 1h' };
}

function* concurrencyProblems({ concurrency }: UpstreamConfig, path: Path): Generator<CrossProblem> {
  if (concurrency?.limit !== 'adaptive') return;
  const { min, max } = concurrency;
  if (max < min) yield { path: [...path, 'max'], message: `${max} is less than min, ${min}` };
}

function* listenerProblems(config: Config): Generator<CrossProblem> {
  const listeners = Object.entries(config.listeners);
  if (listeners.length === 0) yield { path: ['listeners'], message: 'at least one listener is needed' };
  const seen = new Map<string, string>();
  if (config.admin.address.port !== 0) seen.set(`tcp ${formatAddress(config.admin.address)}`, 'the admin API');
  for (const [name, listener] of listeners) {
    const address = formatAddress(listener.address);
    const place = `${transportOf(listener)} ${address}`;
    const other = seen.get(place);
    if (other) yield { path: ['listeners', name, 'address'], message: `${address} is taken by ${other} already` };
    for (const { target, path } of passageTargets(listener)) {
      const at: Path = ['listeners', name, ...path];
      yield* targetProblems(config, [{ upstream: target.upstream, weight: 1 }], [...at, 'upstream']);
      yield* subsetProblems(config, target, [...at, 'subset']);
    }
    yield* passageProblems(config, name);
    if (listener.address.port !== 0 || listener.address.socketPath !== '') seen.set(place, `the listener ${name}`);
  }
}
