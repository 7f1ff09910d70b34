// What the admin API shows: the gateway's state put into the admin API's terms.
import type { FoundEndpoints } from '#config/compile.ts';
import { seriesKey } from '#config/compile-host.ts';
import type { Config, RouteConfig } from '#config/config-schema.ts';
import type { TargetConfig } from '#config/route-schema.ts';
import { ENDPOINT_STATUSES, takesRequests } from '#memory/endpoint-table.ts';
import { formatAddress } from '#schema/address.ts';
import type { EndpointStatus, ListenerStatus, RouteStatus, UpstreamStatus } from '#schema/admin-schemas.ts';
import { EJECTION_CAUSES } from '#server/health/ejection.ts';
import type { HealthMonitor } from '#server/health/health-monitor.ts';
import { estimateQuantile, type ProcessMetric, renderMetrics, type SeriesReader } from '#telemetry/prometheus.ts';
import { CELL } from '#telemetry/series.ts';
import type { BoundListener } from './messages.ts';
import { recoveryMetrics, viewRecovery } from './recovery-view.ts';
import type { SharedMemory } from './shared-memory.ts';
import { upstreamLoad } from './upstream-load.ts';

/** Where the view reads. */
export interface ViewSource {
  readonly config: Config;
  readonly found: FoundEndpoints;
  readonly memory: SharedMemory;
  readonly health: HealthMonitor;
}

export function viewUpstreams({ config, found, memory, health }: ViewSource): readonly UpstreamStatus[] {
  return Object.entries(config.upstreams).map(([name, upstream]) => ({
    name,
    balancer: upstream.balancer.type,
    ...viewLoad(name, found, memory),
    ...viewRecovery(name, upstream, memory),
    endpoints: (found[name] ?? []).map((address): EndpointStatus => {
      const endpoint = formatAddress(address);
      const key = seriesKey.endpoint(name, endpoint);
      const state = health.healthOf(key);
      const requests = [1, 2, 3, 4, 5].map((digit) => memory.read(key, CELL.status + digit));
      return {
        name: endpoint,
        weight: address.weight,
        status: state?.status ?? 'unknown',
        reason: state?.reason ?? '',
        inFlight: memory.cells(key)?.inFlight ?? 0,
        requests: sum(requests),
        failures: memory.read(key, CELL.attemptFailures),
        ejections: sum(Object.values(state?.ejections ?? {})),
        history: (state?.history ?? []).map((change) => ({ ...change, time: new Date(change.time).toISOString() })),
      };
    }),
  }));
}

function viewLoad(
  name: string,
  found: FoundEndpoints,
  memory: SharedMemory,
): Pick<UpstreamStatus, 'inFlight' | 'waiting'> {
  const { inFlight, waiting } = upstreamLoad(name, found, memory);
  return { inFlight, waiting };
}

export function viewListeners(
  { config, memory }: ViewSource,
  bound: readonly BoundListener[],
): readonly ListenerStatus[] {
  return bound.map((listener): ListenerStatus => {
    const read = (cell: number) => memory.read(seriesKey.listener(listener.name), cell);
    return {
      name: listener.name,
      protocol: config.listeners[listener.name]?.protocol ?? 'http',
      address: formatAddress(listener),
      connections: read(CELL.connectionsActive),
      accepted: read(CELL.connections),
      refused: read(CELL.connectionsRefused),
      receivedBytes: read(CELL.bytesReceived),
      sentBytes: read(CELL.bytesSent),
    };
  });
}

export function viewRoutes({ config, memory }: ViewSource): readonly RouteStatus[] {
  return config.routes.map((route): RouteStatus => {
    const name = route.name as string;
    const read = (cell: number) => memory.read(seriesKey.route(name), cell);
    const [one = 0, two = 0, three = 0, four = 0, five = 0] = [1, 2, 3, 4, 5].map((digit) => read(CELL.status + digit));
    return {
      name,
      match: describeMatch(route),
      action: describeAction(route),
      requests: {
        total: one + two + three + four + five,
        '1xx': one,
        '2xx': two,
        '3xx': three,
        '4xx': four,
        '5xx': five,
      },
      latencyMs: { p50: estimateQuantile(read, 0.5), p99: estimateQuantile(read, 0.99) },
    };
  });
}

/** Metrics of all series, then those of the process. */
export function viewMetrics({ config, found, memory, health }: ViewSource, own: readonly ProcessMetric[]): string {
  const reader = (kind: SeriesReader['kind'], key: string, labels: SeriesReader['labels']): SeriesReader => ({
    kind,
    labels,
    read: (cell) => memory.read(key, cell),
  });
  const series = [
    ...Object.keys(config.listeners).map((name) => reader('listener', seriesKey.listener(name), { listener: name })),
    ...config.routes.map(({ name = '' }) => reader('route', seriesKey.route(name), { route: name })),
    ...Object.keys(config.upstreams).map((name) => reader('upstream', seriesKey.upstream(name), { upstream: name })),
    ...Object.entries(found).flatMap(([upstream, addresses]) =>
      addresses.map((address) => {
        const endpoint = formatAddress(address);
        return reader('endpoint', seriesKey.endpoint(upstream, endpoint), { upstream, endpoint });
      }),
    ),
  ];
  return renderMetrics(series, [
    ...recoveryMetrics(config, memory),
    ...endpointMetrics({ found, memory, health }),
    ...own,
  ]);
}

function endpointMetrics({ found, memory, health }: Omit<ViewSource, 'config'>): readonly ProcessMetric[] {
  const metrics: ProcessMetric[] = [];
  for (const [upstream, addresses] of Object.entries(found)) {
    for (const address of addresses) {
      const endpoint = formatAddress(address);
      const key = seriesKey.endpoint(upstream, endpoint);
      const cells = memory.cells(key);
      const labels = { upstream, endpoint };
      const status = cells?.status ?? 'unknown';
      metrics.push({
        name: 'tidegate_endpoint_in_flight',
        help: 'Requests under way to the endpoint.',
        type: 'gauge',
        value: cells?.inFlight ?? 0,
        labels,
      });
      metrics.push({
        name: 'tidegate_endpoint_usable',
        help: 'Whether the endpoint takes requests.',
        type: 'gauge',
        value: takesRequests(status) ? 1 : 0,
        labels,
      });
      for (const one of ENDPOINT_STATUSES) {
        metrics.push({
          name: 'tidegate_endpoint_status',
          help: 'Whether the endpoint has the status: 1 for the one it has, 0 for the others.',
          type: 'gauge',
          value: one === status ? 1 : 0,
          labels: { ...labels, status: one },
        });
      }
      for (const cause of EJECTION_CAUSES) {
        metrics.push({
          name: 'tidegate_endpoint_ejections_total',
          help: 'How often the endpoint was ejected, by what for.',
          type: 'counter',
          value: health.healthOf(key)?.ejections[cause] ?? 0,
          labels: { ...labels, reason: cause },
        });
      }
    }
  }
  return metrics.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

function describeMatch({ match }: RouteConfig): string {
  const conditions = Object.keys(match.headers).length + Object.keys(match.query).length + match.clients.length;
  const parts = [
    match.methods.join('|'),
    match.hosts.join('|'),
    match.path.join('|'),
    conditions > 0 ? `and ${conditions} more` : '',
  ];
  return parts.filter((part) => part !== '').join(' ') || 'everything';
}

function describeAction(route: RouteConfig): string {
  if (route.redirect) return `redirect ${route.redirect.status}`;
  if (route.respond) return `respond ${route.respond.status}`;
  return `upstream ${(route.upstream ?? []).map((target, _i, all) => `${describeTarget(target)}${all.length > 1 ? `:${target.weight}` : ''}`).join(' ')}`;
}

function describeTarget({ upstream, subset = {} }: TargetConfig): string {
  const labels = Object.entries(subset).map(([name, value]) => `${name}=${value}`);
  return labels.length === 0 ? upstream : `${upstream}[${labels.join(',')}]`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
