// What is valid in a configuration and yet hardly meant: routes that never match, upstreams that nobody uses, options without effect.
import { compileEndpointTls } from './compile-endpoint-tls.ts';
import type { Config, RouteConfig } from './config-schema.ts';
import { passageTargets } from './passage-problems.ts';
import { emptySubset } from './subset-check.ts';

/** One sentence each; empty when there is nothing to say. */
export function configurationWarnings(config: Config): readonly string[] {
  return [
    ...shadowedRoutes(config),
    ...unusedUpstreams(config),
    ...emptySubsets(config),
    ...unsentHeaders(config),
    ...cutTimes(config),
    ...unmeantHedges(config),
    ...unprovenEndpoints(config),
    ...unspokenGrpc(config),
  ];
}

function* shadowedRoutes(config: Config): Generator<string> {
  const first = new Map<string, string>();
  for (const route of config.routes) {
    const key = JSON.stringify(matchOf(route));
    const earlier = first.get(key);
    if (earlier !== undefined)
      yield `route ${route.name} never matches: route ${earlier}, which comes before it, matches the same requests`;
    else first.set(key, route.name ?? '');
  }
}

/** The match with everything whose order means nothing put in order. */
function matchOf({ match }: RouteConfig): unknown {
  const { hosts, path, methods, clients, ...conditions } = match;
  return [hosts.toSorted(), path.toSorted(), methods.toSorted(), clients.toSorted(), conditions];
}

function* unusedUpstreams(config: Config): Generator<string> {
  const used = new Set([
    ...config.routes.flatMap(({ upstream }) => (upstream ?? []).map((target) => target.upstream)),
    ...Object.values(config.listeners).flatMap((listener) =>
      passageTargets(listener).map(({ target }) => target.upstream),
    ),
  ]);
  for (const name of Object.keys(config.upstreams)) {
    if (!used.has(name)) yield `nothing goes to upstream ${name}`;
  }
}

/** Those that fall back to any endpoint: the others are errors. */
function* emptySubsets({ routes, upstreams }: Config): Generator<string> {
  for (const { name, upstream: targets } of routes) {
    for (const target of targets ?? []) {
      const reason = emptySubset(target, upstreams[target.upstream]);
      if (target['when-empty'] === 'any' && reason) yield `route ${name} goes to any endpoint: ${reason}`;
    }
  }
}

function* unsentHeaders(config: Config): Generator<string> {
  const passedOn = new Set(
    Object.values(config.listeners)
      .flatMap(passageTargets)
      .map(({ target }) => target.upstream),
  );
  for (const [name, upstream] of Object.entries(config.upstreams)) {
    if (upstream['send-proxy-protocol'] && !passedOn.has(name))
      yield `upstream ${name} has send-proxy-protocol, which is for what TCP and UDP listeners pass on, and requests go without a header`;
  }
}

/** Times that another option keeps below what is written. */
function* cutTimes({ upstreams }: Config): Generator<string> {
  for (const [name, { eject, retry }] of Object.entries(upstreams)) {
    if (eject.time > eject['max-time'])
      yield `upstream ${name} has an eject.time above eject.max-time, which is what counts`;
    if (retry.backoff > retry['max-backoff'])
      yield `upstream ${name} has a retry.backoff above retry.max-backoff, which is what counts`;
  }
}

/** Hedging that never happens. */
function* unmeantHedges({ upstreams }: Config): Generator<string> {
  for (const [name, { hedge, retry }] of Object.entries(upstreams)) {
    const reason = retry.attempts === 1 ? 'retry.attempts is 1' : retry.budget === 0 && 'retry.budget is 0%';
    if (hedge && reason) yield `upstream ${name} has hedge, and no second attempt is made: ${reason}`;
  }
}

/** Options for gRPC where requests go over HTTP/1.1, which servers of gRPC do not speak. */
function* unspokenGrpc({ upstreams }: Config): Generator<string> {
  for (const [name, { protocol, health, grpc, retry }] of Object.entries(upstreams)) {
    if (protocol !== 'http1') continue;
    const repeated = retry.on.find((one) => String(one).startsWith('grpc-'));
    const option =
      (health?.type === 'grpc' && 'health.type: grpc') ||
      (grpc['max-timeout'] !== undefined && 'grpc.max-timeout') ||
      (repeated !== undefined && `retry.on: ${repeated}`);
    if (option)
      yield `upstream ${name} has ${option}, and gets its requests over HTTP/1.1; servers of gRPC want protocol: http2`;
  }
}

/** Resolvers that find endpoints by their IP addresses alone. */
const FINDS_ADDRESSES: ReadonlySet<string> = new Set(['dns', 'docker', 'kubernetes']);

/** Endpoints that need not prove who they are, or hardly can: what a gateway that starts with it says, too. */
export function* unprovenEndpoints({ upstreams }: Pick<Config, 'upstreams'>): Generator<string> {
  for (const [name, upstream] of Object.entries(upstreams)) {
    const settings = compileEndpointTls(upstream)?.endpoint.settings;
    if (!settings) continue;
    const { verify, ca, serverName } = settings;
    if (!verify) {
      yield `upstream ${name} has tls.verify: false, so that whoever answers at the address of an endpoint is taken for it`;
      if (ca !== undefined) yield `upstream ${name} has a tls.ca that nothing is checked by, as tls.verify is false`;
    } else if (serverName === undefined && FINDS_ADDRESSES.has(upstream.resolve?.type ?? ''))
      yield `upstream ${name} has no tls.server-name, and finds its endpoints as IP addresses: their certificates must be for these`;
  }
}
