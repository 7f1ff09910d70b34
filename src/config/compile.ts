// Compiles a configuration into the snapshot that one thread works with. The main thread does it first, to find what only
// compiling shows; then each worker does it for itself.
import { PrefixSet } from '#lib/prefix-set.ts';
import { ConfigurationError, type ConfigurationProblem } from '#model/configuration-error.ts';
import { PRIORITIES } from '#model/exchange.ts';
import type { Arrival, Handler, Middleware } from '#model/handler.ts';
import type { ResolvedEndpoint } from '#model/resolver.ts';
import type { Route, RouteMatch, ValueMatch } from '#model/route.ts';
import type { ForwardingSettings, Snapshot } from '#model/snapshot.ts';
import { compileTemplate } from '#model/template.ts';
import type { Upstream } from '#model/upstream.ts';
import { policies } from '#policies/index.ts';
import { createRedirect, createRespond, createSplit } from '#proxy/actions.ts';
import { createForward } from '#proxy/forward.ts';
import { RouteIndex } from '#routing/router.ts';
import { type CompileHost, seriesKey } from './compile-host.ts';
import { compilePassages } from './compile-listener.ts';
import { compileTargets, type Targets } from './compile-targets.ts';
import { compileUpstream } from './compile-upstream.ts';
import type { Config, PolicyConfig, RouteConfig } from './config-schema.ts';

/** Endpoints that resolvers have found, by upstream. */
export type FoundEndpoints = Readonly<Record<string, readonly ResolvedEndpoint[]>>;

/** After so many routes other work gets its turn, so that a large configuration stops no traffic. */
const ROUTES_PER_TURN = 100;

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
  const targets = compileTargets(config, upstreams, host);
  for (const [i, route] of config.routes.entries()) {
    const compiled = compileRoute(route, i, { outer, upstreams: targets, host, problems });
    if (compiled) router.add(compiled);
    if (i % ROUTES_PER_TURN === ROUTES_PER_TURN - 1) await new Promise((resolve) => setImmediate(resolve));
  }
  if (problems.length > 0) throw new ConfigurationError(problems);
  const passages = compilePassages(config, targets, host);
  return {
    generation,
    router,
    upstreams,
    ...passages,
    forwarding: compileForwarding(config),
    overloadDelayMs: config.overload?.delay ?? Number.POSITIVE_INFINITY,
    uses: 0,
  };
}

/** A compiled policy. */
interface Step {
  readonly around: Middleware;
  readonly arrival: Arrival | undefined;
}

interface RouteSurroundings {
  readonly outer: readonly Step[];
  readonly upstreams: Targets;
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
    const steps = [...outer, ...inner];
    return {
      name,
      match: compileMatch(config),
      priority: PRIORITIES.indexOf(config.priority),
      arrivals: steps.flatMap(({ arrival }) => arrival ?? []),
      handler: steps.reduceRight<Handler>((next, { around }) => around(next), action),
      series: host.series(seriesKey.route(name)),
    };
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
): readonly Step[] {
  return steps.flatMap((step, i) => {
    const module = policies.find(({ type }) => type === step.type);
    try {
      if (!module) throw new ConfigurationError(`there is no policy ${step.type}`);
      const around = module.create(step.options, { ...host, identity: `${owner}.${step.type}.${i}` });
      return [{ around, arrival: module.arrival?.(step.options) }];
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

function compileAction(config: RouteConfig, upstreams: Targets, host: CompileHost): Handler {
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
  const branches = (config.upstream ?? []).map((target) => ({
    handler: createForward(upstreams({ ...target, timeouts: config.timeouts }), host),
    weight: target.weight,
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
    trustsCertificates: forwarding['client-certificates'],
    name: forwarding.name,
    viaLine: `via: 1.1 ${forwarding.name}\r\n`,
    xForwarded: forwarding['x-forwarded'],
    forwarded: forwarding.forwarded,
    allowEncodedSlash: forwarding['allow-encoded-slash'],
  };
}
