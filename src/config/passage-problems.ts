// What a listener's parts say of each other where connections and datagrams are passed on: protocol, upstream, routes, address.
import type { ConfigurationProblem } from '#model/configuration-error.ts';
import type { Config, ListenerConfig, UpstreamConfig } from './config-schema.ts';
import type { Target } from './subset-check.ts';

type Path = readonly (string | number)[];

/** What a listener's socket carries. */
export function transportOf({ protocol }: ListenerConfig): 'tcp' | 'udp' {
  return protocol === 'udp' ? 'udp' : 'tcp';
}

/** An upstream, or a subset of one, that a listener names. */
export interface PassageTarget {
  readonly target: Target;
  /** Where below the listener it stands. */
  readonly path: Path;
}

export function passageTargets(listener: ListenerConfig): readonly PassageTarget[] {
  const routes = (listener.routes ?? []).map((route, i) => [['routes', i], route] as const);
  const places = [[[], listener] as const, ...routes];
  return places.flatMap(([path, { upstream, subset, 'when-empty': whenEmpty }]) =>
    upstream === undefined ? [] : [{ target: { upstream, subset, 'when-empty': whenEmpty }, path }],
  );
}

export function* passageProblems(config: Config, name: string): Generator<ConfigurationProblem> {
  const listener = config.listeners[name] as ListenerConfig;
  const { protocol, upstream, routes } = listener;
  const path: Path = ['listeners', name];
  if (protocol === 'http' && upstream !== undefined)
    yield {
      path: [...path, 'upstream'],
      message: 'is for protocol: tcp and udp; with http, routes say where requests go',
    };
  if (protocol !== 'tcp' && routes)
    yield { path: [...path, 'routes'], message: 'is for protocol: tcp; those of requests stand beside listeners' };
  if (protocol !== 'udp' && listener.udp) yield { path: [...path, 'udp'], message: 'is for protocol: udp' };
  if (protocol === 'udp' && listener.tls) yield { path: [...path, 'tls'], message: 'is for protocol: http and tcp' };
  if (protocol === 'http' && listener.tls && listener.tls.alpn.length > 0)
    yield { path: [...path, 'tls', 'alpn'], message: 'is for protocol: tcp; with http it follows from what is spoken' };
  if (listener.subset && upstream === undefined)
    yield { path: [...path, 'subset'], message: 'is of an upstream; the listener has none' };
  if (protocol === 'tcp') yield* tcpProblems(listener, path);
  if (protocol === 'udp') yield* udpProblems(config, listener, path);
}

function* tcpProblems({ upstream, routes, tls }: ListenerConfig, path: Path): Generator<ConfigurationProblem> {
  if (upstream === undefined && !routes)
    yield { path, message: 'a listener with protocol: tcp needs an upstream, or routes' };
  if (upstream !== undefined && routes)
    yield { path: [...path, 'upstream'], message: 'write it as the last of the routes: { upstream: … }' };
  if (routes?.length === 0) yield { path: [...path, 'routes'], message: 'at least one route is needed' };
  for (const [i, route] of (routes ?? []).entries())
    yield* routeProblems(route, tls !== undefined, [...path, 'routes', i]);
  if (tls && routes && !routes.some(({ terminate, http }) => terminate || http))
    yield { path: [...path, 'tls'], message: 'none of the routes ends TLS here: write terminate: true, or http: true' };
}

type StreamRoute = NonNullable<ListenerConfig['routes']>[number];

/** Protocols that are not read as HTTP. */
const OTHER_THAN_HTTP: ReadonlySet<StreamRoute['protocol']> = new Set(['ssh', 'proxy']);

function* routeProblems(route: StreamRoute, hasTls: boolean, at: Path): Generator<ConfigurationProblem> {
  if ((route.upstream !== undefined) === route.http)
    yield { path: at, message: 'a route needs exactly one of upstream and http: true' };
  if (route.subset && route.upstream === undefined)
    yield { path: [...at, 'subset'], message: 'is of an upstream; the route has none' };
  const isTls = route.protocol === 'tls' || route.protocol === 'any';
  if (!isTls && route.sni.length + route.alpn.length > 0)
    yield { path: [...at, 'protocol'], message: 'only TLS has sni and alpn' };
  const wantsTls = route.protocol === 'tls' || route.sni.length + route.alpn.length > 0;
  if (route.http && OTHER_THAN_HTTP.has(route.protocol))
    yield { path: [...at, 'http'], message: 'is for connections of HTTP; write protocol: http, or tls' };
  if (route.http && wantsTls && !hasTls)
    yield { path: [...at, 'http'], message: 'needs the section tls of the listener, where TLS is to end here' };
  if (route.terminate && !hasTls)
    yield { path: [...at, 'terminate'], message: 'needs the section tls of the listener' };
  if (route.terminate && !wantsTls)
    yield { path: [...at, 'terminate'], message: 'is for connections of TLS; write protocol: tls' };
  if (route.terminate && route.http)
    yield { path: [...at, 'terminate'], message: 'is of an upstream; with http: true TLS ends here anyhow' };
  for (const [j, name] of route.sni.entries()) {
    if (name.includes('['))
      yield { path: [...at, 'sni', j], message: `"${name}" is an address; clients ask for names only` };
  }
}

function* udpProblems(config: Config, listener: ListenerConfig, path: Path): Generator<ConfigurationProblem> {
  if (listener.upstream === undefined) yield { path, message: 'a listener with protocol: udp needs an upstream' };
  if (listener.address.socketPath !== '')
    yield { path: [...path, 'address'], message: 'protocol: udp needs an address and a port, not a Unix socket' };
  if (listener['proxy-protocol'])
    yield { path: [...path, 'proxy-protocol'], message: 'is for connections; datagrams come without a header' };
  const upstream = config.upstreams[listener.upstream ?? ''];
  if (upstream) yield* udpUpstreamProblems(upstream, ['upstreams', listener.upstream as string]);
}

function* udpUpstreamProblems(upstream: UpstreamConfig, path: Path): Generator<ConfigurationProblem> {
  if (upstream['send-proxy-protocol'] === 'v1')
    yield { path: [...path, 'send-proxy-protocol'], message: 'version 1 has no form for UDP; write v2' };
  if (upstream.tls !== false)
    yield { path: [...path, 'tls'], message: 'is for connections; the datagrams of a listener go as they are' };
  for (const [i, endpoint] of (upstream.endpoints ?? []).entries()) {
    if (endpoint.socketPath !== '')
      yield { path: [...path, 'endpoints', i], message: 'a Unix socket takes no datagrams of a listener' };
  }
}
