// Compiles a configuration into the snapshot that one thread works with. The main thread does it first, to find what only
// compiling shows; then each worker does it for itself.
import { balancers } from '#balancers/index.ts';
import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import { PrefixSet } from '#lib/prefix-set.ts';
import type { Random } from '#lib/random.ts';
import type { EndpointCells } from '#memory/endpoint-table.ts';
import type { KeyedTable } from '#memory/keyed-table.ts';
import type { RetryBudget } from '#memory/retry-budget.ts';
import type { Series } from '#memory/series-table.ts';
import { ConfigurationError, type ConfigurationProblem } from '#model/configuration-error.ts';
import type { Handler, Middleware } from '#model/handler.ts';
import type { ResolvedEndpoint } from '#model/resolver.ts';
import type { Route, RouteMatch, ValueMatch } from '#model/route.ts';
import type { ForwardingSettings, ListenerSettings, Snapshot } from '#model/snapshot.ts';
import { compileTemplate } from '#model/template.ts';
import type { Affinity, Endpoint, GroupingSettings, PoolSettings, Transport, Upstream } from '#model/upstream.ts';
import { policies } from '#policies/index.ts';
import { createRedirect, createRespond, createSplit } from '#proxy/actions.ts';
import { createForward, type FailureReport } from '#proxy/forward.ts';
import { SessionCookie } from '#proxy/session-cookie.ts';
import { RouteIndex } from '#routing/router.ts';
import { formatAddress } from '#schema/address.ts';
import type { Config, ListenerConfig, PolicyConfig, RouteConfig, UpstreamConfig } from './config-schema.ts';

/** What a thread lends to what it compiles. Keys are those of `seriesKeys` and `endpointKey`. */
export interface CompileHost {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly buckets: KeyedTable;
  /** Drawn when the process started, and the same in all threads. */
  readonly secret: Uint8Array;
  series(key: string): Series;
  cells(key: string): EndpointCells;
  budget(key: string, share: number): RetryBudget;
  epoch(): number;
  transport(key: string, target: ResolvedEndpoint, pool: PoolSettings, series: Series): Transport;
  readonly report: FailureReport;
}

/** Endpoints that resolvers have found, by upstream. */
export type FoundEndpoints = Readonly<Record<string, readonly ResolvedEndpoint[]>>;

/** After so many routes other work gets its turn, so that a large configuration stops no traffic. */
const ROUTES_PER_TURN = 100;

/** Half of the weight after a quarter of the time. */
const AGGRESSIVE_EXPONENT = 0.5;

export const seriesKey = {
  listener: (name: string) => `listener:${name}`,
  route: (name: string) => `route:${name}`,
  upstream: (name: string) => `upstream:${name}`,
  /** Of the workers themselves. */
  workers: 'workers',
  endpoint: (upstream: string, endpoint: string) => `endpoint:${upstream}/${endpoint}`,
};

/** Compiles. Throws a `ConfigurationError` with all that the policies find wrong. */
export async function compile(
  config: Config,
  found: FoundEndpoints,
  generation: number,
  host: CompileHost,
): Promise<Snapshot> {
  const upstreams = new Map<string, Upstream>();
  for (const [name, upstream] of Object.entries(config.upstreams)) {
    const addresses = found[name] ?? upstream.endpoints ?? [];
    upstreams.set(name, compileUpstream([name, upstream], addresses, config.zone, host));
  }
  const problems: ConfigurationProblem[] = [];
  const outer = compilePolicies(config.policies, ['policies'], 'policies', host, problems);
  const router = new RouteIndex();
  for (const [i, route] of config.routes.entries()) {
    const compiled = compileRoute(route, i, { outer, upstreams, host, problems });
    if (compiled) router.add(compiled);
    if (i % ROUTES_PER_TURN === ROUTES_PER_TURN - 1) await new Promise((resolve) => setImmediate(resolve));
  }
  if (problems.length > 0) throw new ConfigurationError(problems);
  const tcp = compileTcp(config, upstreams, host);
  return { generation, router, upstreams, tcp, forwarding: compileForwarding(config), uses: 0 };
}

/** What TCP listeners do with their connections. */
function compileTcp(config: Config, upstreams: ReadonlyMap<string, Upstream>, host: CompileHost): Snapshot['tcp'] {
  const handlers = new Map<string, Handler>();
  for (const [name, { protocol, upstream }] of Object.entries(config.listeners)) {
    const target = protocol === 'tcp' && upstream !== undefined ? upstreams.get(upstream) : undefined;
    if (target) handlers.set(name, createForward(target, host.report, host.random));
  }
  return handlers;
}

/** Endpoints as they go into `Upstream.endpoints`. */
export function compileEndpoints(
  upstream: string,
  addresses: readonly ResolvedEndpoint[],
  pool: PoolSettings,
  host: CompileHost,
): readonly Endpoint[] {
  return addresses.map((address) => {
    const name = formatAddress(address);
    const key = seriesKey.endpoint(upstream, name);
    const series = host.series(key);
    const transport = host.transport(key, address, pool, series);
    const { priority = 0, zone = '' } = address;
    return { ...address, priority, zone, name, cells: host.cells(key), series, transport };
  });
}

function compileProxies(prefixes: readonly string[] | undefined): ListenerSettings['isProxy'] {
  if (!prefixes) return undefined;
  const proxies = new PrefixSet(prefixes);
  return (address) => proxies.has(address);
}

export function listenerSettings(name: string, config: ListenerConfig): ListenerSettings {
  const { limits, timeouts } = config;
  return {
    name,
    protocol: config.protocol,
    isProxy: compileProxies(config['proxy-protocol']),
    maxHeadBytes: limits.head,
    maxFields: limits.fields,
    maxTargetBytes: limits.target,
    maxBodyBytes: limits.body ?? 0,
    headTimeoutMs: timeouts.head,
    bodyTimeoutMs: timeouts.body,
    keepAliveTimeoutMs: timeouts['keep-alive'],
    sendTimeoutMs: timeouts.send,
    maxRequests: limits.requests,
    maxConnections: limits.connections,
  };
}

export function poolSettings(config: UpstreamConfig): PoolSettings {
  const { pool } = config;
  return {
    maxConnections: pool['max-connections'],
    maxIdle: pool['max-idle'],
    idleTimeoutMs: pool['idle-timeout'],
    maxWaiting: pool['max-waiting'],
    waitTimeoutMs: pool['wait-timeout'],
    maxRequests: pool['max-requests'],
  };
}

function groupingSettings(config: UpstreamConfig, zone: string): GroupingSettings {
  const slow = config['slow-start'];
  return {
    panicThreshold: config['panic-threshold'],
    overflow: config.overflow,
    zone,
    slowStart: slow && { timeMs: slow.time, exponent: slow.curve === 'linear' ? 1 : AGGRESSIVE_EXPONENT },
  };
}

function compileAffinity(upstream: string, { persistence }: UpstreamConfig, host: CompileHost): Affinity | undefined {
  if (!persistence) return undefined;
  return new SessionCookie({
    upstream,
    name: persistence.name ?? `tidegate-${upstream.replace(/[^A-Za-z0-9-]/g, '-')}`,
    secret: persistence.secret ?? host.secret,
    ttlMs: persistence.ttl,
    sameSite: persistence['same-site'],
    keepsDraining: persistence['while-draining'] === 'keep',
  });
}

function compileUpstream(
  [name, config]: readonly [string, UpstreamConfig],
  addresses: readonly ResolvedEndpoint[],
  zone: string,
  host: CompileHost,
): Upstream {
  const { timeouts, balancer, retry } = config;
  const module = balancers.find(({ type }) => type === balancer.type);
  if (!module) throw new Error(`balancer ${balancer.type} passed the schema but is not registered`);
  const pool = poolSettings(config);
  return {
    name,
    balancer: module.create(balancer.options, host),
    endpoints: compileEndpoints(name, addresses, pool, host),
    epoch: () => host.epoch(),
    grouping: groupingSettings(config, zone),
    affinity: compileAffinity(name, config, host),
    sendsProxyHeader: config['send-proxy-protocol'] && (config['send-proxy-protocol'] === 'v1' ? 1 : 2),
    timeouts: {
      connectMs: timeouts.connect,
      firstByteMs: timeouts['first-byte'],
      idleMs: timeouts.idle,
      tunnelIdleMs: timeouts['tunnel-idle'],
    },
    pool,
    retry: { attempts: retry.attempts },
    budget: host.budget(seriesKey.upstream(name), retry.budget),
    host: config.host === 'keep' || config.host === 'endpoint' ? config.host : { name: config.host },
    ejectAfter: config.eject.after,
    series: host.series(seriesKey.upstream(name)),
  };
}

interface RouteSurroundings {
  readonly outer: readonly Middleware[];
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly host: CompileHost;
  readonly problems: ConfigurationProblem[];
}

function compileRoute(
  config: RouteConfig,
  index: number,
  { outer, upstreams, host, problems }: RouteSurroundings,
): Route | undefined {
  const name = config.name as string;
  const path = ['routes', index] as const;
  try {
    const action = compileAction(config, upstreams, host);
    const inner = compilePolicies(config.policies, [...path, 'policies'], `routes.${name}`, host, problems);
    const handler = [...outer, ...inner].reduceRight<Handler>((next, policy) => policy(next), action);
    return { name, match: compileMatch(config), handler, series: host.series(seriesKey.route(name)) };
  } catch (error) {
    collect(error, path, problems);
    return undefined;
  }
}

function compilePolicies(
  steps: readonly PolicyConfig[],
  path: readonly (string | number)[],
  owner: string,
  host: CompileHost,
  problems: ConfigurationProblem[],
): readonly Middleware[] {
  return steps.flatMap((step, i) => {
    const module = policies.find(({ type }) => type === step.type);
    try {
      if (!module) throw new ConfigurationError(`there is no policy ${step.type}`);
      return [module.create(step.options, { ...host, identity: `${owner}.${step.type}.${i}` })];
    } catch (error) {
      collect(error, [...path, i], problems);
      return [];
    }
  });
}

/** Keeps what is wrong with the configuration; everything else is a fault of ours. */
function collect(error: unknown, path: readonly (string | number)[], problems: ConfigurationProblem[]): void {
  if (!(error instanceof ConfigurationError)) throw error;
  for (const problem of error.problems) problems.push({ path: [...path, ...problem.path], message: problem.message });
}

function compileAction(config: RouteConfig, upstreams: ReadonlyMap<string, Upstream>, host: CompileHost): Handler {
  if (config.redirect) return createRedirect(compileTemplate(config.redirect.to), config.redirect.status);
  if (config.respond) {
    return createRespond({
      status: config.respond.status,
      contentType: config.respond['content-type'],
      body: compileTemplate(config.respond.body),
      fields: Object.entries(config.respond.headers).map(
        ([name, value]) => [name.toLowerCase(), compileTemplate(value)] as const,
      ),
    });
  }
  const branches = (config.upstream ?? []).map(({ upstream, weight }) => ({
    handler: createForward(upstreams.get(upstream) as Upstream, host.report, host.random),
    weight,
  }));
  return branches.length === 1 ? (branches[0] as { handler: Handler }).handler : createSplit(branches, host.random);
}

function compileMatch(config: RouteConfig): RouteMatch {
  const { match } = config;
  return {
    hosts: match.hosts,
    paths: match.path,
    methods: match.methods,
    fields: Object.entries(match.headers).map(([name, value]): ValueMatch => ({ ...value, name: name.toLowerCase() })),
    query: Object.entries(match.query).map(([name, value]): ValueMatch => ({ ...value, name })),
    clients: match.clients,
  };
}

function compileForwarding(config: Config): ForwardingSettings {
  const { forwarding } = config;
  const trusted = new PrefixSet(forwarding.trusted);
  return {
    isTrusted: (address) => trusted.has(address),
    name: forwarding.name,
    viaLine: `via: 1.1 ${forwarding.name}\r\n`,
    xForwarded: forwarding['x-forwarded'],
    forwarded: forwarding.forwarded,
    allowEncodedSlash: forwarding['allow-encoded-slash'],
  };
}
