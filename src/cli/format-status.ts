// Writes the status of a gateway as tables for a terminal.
import { formatTable } from '#lib/text-table.ts';
import { takesRequests } from '#memory/endpoint-table.ts';
import type { GatewayStatus, RouteStatus, UpstreamStatus } from '#schema/admin-schemas.ts';

export interface StatusFacts extends GatewayStatus {
  readonly upstreams: readonly UpstreamStatus[];
  readonly routes: readonly RouteStatus[];
}

export function formatStatus(facts: StatusFacts): string {
  return [
    formatHead(facts),
    formatListeners(facts),
    formatRoutes(facts),
    formatUpstreams(facts),
    formatEndpoints(facts),
  ]
    .join('\n\n')
    .concat('\n');
}

function formatHead(facts: StatusFacts): string {
  const ready = facts.workers.filter((worker) => worker.state === 'ready').length;
  const lines = [
    `tidegate ${facts.version}, process ${facts.pid}, up ${formatDuration(facts.uptimeMs)}${facts.draining ? ', draining' : ''}`,
    `${ready} of ${facts.workers.length} workers ready, configuration ${facts.generation}${facts.file === null ? '' : ` of ${facts.file}`}`,
  ];
  if (facts.lastReload && !facts.lastReload.ok) {
    lines.push(`The reload at ${facts.lastReload.time} changed nothing:`, ...facts.lastReload.problems);
  }
  return lines.join('\n');
}

function formatListeners({ listeners }: StatusFacts): string {
  const rows = listeners.map(({ name, address, protocol, connections, accepted, refused }) => [
    name,
    address,
    protocol,
    connections,
    accepted,
    refused,
  ]);
  return formatTable(['LISTENER', 'ADDRESS', 'PROTOCOL', 'OPEN', 'ACCEPTED', 'REFUSED'], rows);
}

function formatRoutes({ routes }: StatusFacts): string {
  const rows = routes.map(({ name, match, action, requests, latencyMs }) => [
    name,
    match,
    action,
    requests.total,
    requests['4xx'],
    requests['5xx'],
    formatMs(latencyMs.p50),
    formatMs(latencyMs.p99),
  ]);
  return formatTable(['ROUTE', 'MATCH', 'ACTION', 'REQUESTS', '4XX', '5XX', 'P50', 'P99'], rows);
}

function formatUpstreams({ upstreams }: StatusFacts): string {
  const rows = upstreams.map(({ name, balancer, circuit, concurrency, inFlight, waiting, endpoints }) => [
    name,
    balancer,
    `${endpoints.filter(({ status }) => takesRequests(status)).length} of ${endpoints.length}`,
    circuit ?? '-',
    inFlight,
    concurrency?.limit ?? '-',
    waiting,
  ]);
  return formatTable(['UPSTREAM', 'BALANCER', 'USABLE', 'CIRCUIT', 'IN FLIGHT', 'LIMIT', 'WAITING'], rows);
}

function formatEndpoints({ upstreams }: StatusFacts): string {
  const rows = upstreams.flatMap((upstream) =>
    upstream.endpoints.map((endpoint) => [
      upstream.name,
      endpoint.name,
      endpoint.status,
      endpoint.inFlight,
      endpoint.requests,
      endpoint.failures,
      endpoint.ejections,
      endpoint.reason,
    ]),
  );
  return formatTable(
    ['UPSTREAM', 'ENDPOINT', 'HEALTH', 'IN FLIGHT', 'REQUESTS', 'FAILURES', 'EJECTIONS', 'REASON'],
    rows,
  );
}

function formatMs(ms: number | null): string {
  if (ms === null) return '-';
  return ms < 10 ? `${ms.toFixed(1)}ms` : `${Math.round(ms)}ms`;
}

function formatDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${seconds % 60}s`;
  return `${Math.floor(seconds / 3600)}h ${Math.floor((seconds % 3600) / 60)}m`;
}
