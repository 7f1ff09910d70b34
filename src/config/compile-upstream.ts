// Compiles one upstream of a configuration: its balancer, its endpoints, its settings.
import { balancers } from '#balancers/index.ts';
import type { Balancer } from '#model/balancer.ts';
import type { ResolvedEndpoint } from '#model/resolver.ts';
import type { Endpoint, GroupingSettings, PoolSettings, Upstream } from '#model/upstream.ts';
import { WaitingRoom } from '#proxy/wake-up.ts';
import { formatAddress } from '#schema/address.ts';
import { compileAffinity } from './compile-affinity.ts';
import { compileEndpointTls } from './compile-endpoint-tls.ts';
import { type CompileHost, seriesKey } from './compile-host.ts';
import { compileBreaker, compileGate, compileHedge, compileRetry } from './compile-recovery.ts';
import type { UpstreamConfig } from './config-schema.ts';
import type { WakeConfig } from './wake-schema.ts';

/** Half of the weight after a quarter of the time. */
const AGGRESSIVE_EXPONENT = 0.5;

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
    const { priority = 0, zone = '', labels = {} } = address;
    return { ...address, priority, zone, labels, name, cells: host.cells(key), series, transport };
  });
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
    maxAgeMs: pool['max-age'],
    tls: compileEndpointTls(config),
    protocol: config.protocol,
    streams: pool.streams,
    pingIntervalMs: pool['ping-interval'],
    pingTimeoutMs: pool['ping-timeout'],
  };
}

function groupingSettings(config: UpstreamConfig, zone: string): GroupingSettings {
  const slow = config['slow-start'];
  return {
    panicThreshold: config['panic-threshold'],
    overflow: config.overflow,
    sleeps: config.wake !== undefined,
    zone,
    slowStart: slow && { timeMs: slow.time, exponent: slow.curve === 'linear' ? 1 : AGGRESSIVE_EXPONENT },
  };
}

function compileWake(upstream: string, wake: WakeConfig, host: CompileHost): WaitingRoom {
  const options = { timeoutMs: wake.timeout, maxWaiting: wake['max-waiting'] };
  const { clock, random, timers } = host;
  return new WaitingRoom(options, { clock, random, timers, ask: () => host.wake(upstream) });
}

export function compileBalancer({ balancer }: UpstreamConfig, host: CompileHost): Balancer {
  const module = balancers.find(({ type }) => type === balancer.type);
  if (!module) throw new Error(`balancer ${balancer.type} passed the schema but is not registered`);
  return module.create(balancer.options, host);
}

/** Compiles one upstream with the endpoints it has now. */
export function compileUpstream(
  [name, config]: readonly [string, UpstreamConfig],
  addresses: readonly ResolvedEndpoint[],
  zone: string,
  host: CompileHost,
): Upstream {
  const { timeouts } = config;
  const pool = poolSettings(config);
  const cells = host.upstream(seriesKey.upstream(name));
  return {
    name,
    balancer: compileBalancer(config, host),
    endpoints: compileEndpoints(name, addresses, pool, host),
    epoch: () => host.epoch(),
    grouping: groupingSettings(config, zone),
    affinity: compileAffinity(name, config, host),
    wake: config.wake && compileWake(name, config.wake, host),
    sendsProxyHeader: config['send-proxy-protocol'] && (config['send-proxy-protocol'] === 'v1' ? 1 : 2),
    timeouts: {
      connectMs: timeouts.connect,
      firstByteMs: timeouts['first-byte'],
      idleMs: timeouts.idle,
      streamIdleMs: timeouts['stream-idle'],
      tunnelIdleMs: timeouts['tunnel-idle'],
      tunnelDrainMs: timeouts['tunnel-drain'] ?? Number.POSITIVE_INFINITY,
    },
    maxCallMs: config.grpc['max-timeout'] ?? Number.POSITIVE_INFINITY,
    pool,
    retry: compileRetry(config),
    budget: cells.budget(config.retry.budget),
    hedge: compileHedge(config),
    breaker: compileBreaker(name, config, cells, host),
    gate: compileGate(name, config, cells, host),
    host: config.host === 'keep' || config.host === 'endpoint' ? config.host : { name: config.host },
    eject: { after: config.eject.after, on: new Set(config.eject.on) },
    series: host.series(seriesKey.upstream(name)),
  };
}
