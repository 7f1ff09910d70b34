// Compiles the listeners of a configuration: their limits, and what they do with what is passed on as it is.
import { PrefixSet } from '#lib/prefix-set.ts';
import type { Handler } from '#model/handler.ts';
import { ProxyError } from '#model/proxy-error.ts';
import type {
  AdmissionLimits,
  AdmissionRate,
  ListenerSettings,
  Snapshot,
  StreamChoice,
  StreamChooser,
} from '#model/snapshot.ts';
import { createForward } from '#proxy/forward.ts';
import { StreamRoutes } from '#routing/stream-routes.ts';
import type { Rate } from '#schema/units.ts';
import type { CompileHost } from './compile-host.ts';
import type { Targets } from './compile-targets.ts';
import { compileTls } from './compile-tls.ts';
import type { Config, ListenerConfig } from './config-schema.ts';
import type { Target } from './subset-check.ts';

/** How long connections of HTTP last: old ones would keep what was agreed on at their begin, and one worker, for ever. */
const HTTP_LIFETIME_MS = 3_600_000;

/** Of a listener that has none. */
const NO_SESSIONS: ListenerSettings['udp'] = { idleTimeoutMs: 0, maxSessions: 0, expectedAnswers: 0 };

/** `all` is the configuration of which the listener is one. */
export function listenerSettings(name: string, { listeners, tls: common }: Config): ListenerSettings {
  const config = listeners[name] as ListenerConfig;
  const { limits, timeouts, http2, udp } = config;
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
    firstBytesTimeoutMs: timeouts['first-bytes'],
    tls: compileTls(config, common),
    lifetimeMs: timeouts.lifetime ?? (config.protocol === 'http' ? HTTP_LIFETIME_MS : 0),
    admission: compileAdmission(limits),
    udp: udp ? { idleTimeoutMs: udp.idle, maxSessions: udp.sessions, expectedAnswers: udp.answers ?? 0 } : NO_SESSIONS,
    http2: {
      enabled: http2.enabled,
      maxStreams: http2.streams,
      streamWindow: http2['stream-window'],
      connectionWindow: http2['connection-window'],
      pingIntervalMs: http2['ping-interval'],
      pingTimeoutMs: http2['ping-timeout'],
    },
  };
}

/** What TCP and UDP listeners do with their connections and sessions. */
export function compilePassages(
  config: Config,
  targets: Targets,
  host: CompileHost,
): Pick<Snapshot, 'passages' | 'streamRoutes'> {
  const passages = new Map<string, Handler>();
  const streamRoutes = new Map<string, StreamChooser>();
  const forward = (target: Target) => createForward(targets(target), host);
  for (const [name, listener] of Object.entries(config.listeners)) {
    if (listener.routes) {
      const routes = compileStreamRoutes(listener.routes, forward);
      streamRoutes.set(name, routes);
      passages.set(name, passBy(routes));
    } else if (listener.upstream !== undefined) {
      const { upstream, subset, 'when-empty': whenEmpty } = listener;
      passages.set(name, forward({ upstream, subset, 'when-empty': whenEmpty }));
    }
  }
  return { passages, streamRoutes };
}

function compileStreamRoutes(
  routes: NonNullable<ListenerConfig['routes']>,
  forward: (target: Target) => Handler,
): StreamRoutes<StreamChoice> {
  return new StreamRoutes(
    routes.map(({ sni, alpn, protocol, upstream, terminate: terminates, ...rest }) => ({
      // Only TLS has names and protocols to offer.
      match: { sni, alpn, protocol: sni.length + alpn.length > 0 ? 'tls' : protocol },
      target:
        upstream === undefined
          ? { type: 'http' }
          : { type: 'upstream', handler: forward({ ...rest, upstream }), terminates },
    })),
  );
}

/** The handler of a listener with routes: that of the upstream which the first bytes lead to. */
function passBy(routes: StreamChooser): Handler {
  return (exchange) => {
    const choice = exchange.passage?.first && routes.match(exchange.passage.first);
    if (choice?.type !== 'upstream') throw new ProxyError('no-route', 'no route of the listener takes the connection');
    return choice.handler(exchange);
  };
}

function compileProxies(prefixes: readonly string[] | undefined): ListenerSettings['isProxy'] {
  if (!prefixes) return undefined;
  const proxies = new PrefixSet(prefixes);
  return (address) => proxies.has(address);
}

function compileAdmission(limits: ListenerConfig['limits']): AdmissionLimits | undefined {
  const rate = limits.rate && compileRate(limits.rate);
  const clientRate = limits['client-rate'] && compileRate(limits['client-rate']);
  const clientConnections = limits['client-connections'] ?? 0;
  return rate || clientRate || clientConnections > 0 ? { rate, clientRate, clientConnections } : undefined;
}

function compileRate({ count, perMs }: Rate): AdmissionRate {
  return { perSecond: (count * 1000) / perMs, burst: Math.max(1, Math.floor(count)) };
}
