// Judges endpoints: probes them, ejects those that fail real requests, drains those an operator names. Main thread only.

import { seriesKey } from '#config/compile-host.ts';
import type { Config, UpstreamConfig } from '#config/config-schema.ts';
import { takesRequests } from '#memory/endpoint-table.ts';
import type { FailureKind } from '#model/failure-kind.ts';
import type { ResolvedEndpoint } from '#model/resolver.ts';
import { formatAddress } from '#schema/address.ts';
import type { EjectionCause } from './ejection.ts';
import type { EndpointHealth, HealthHost } from './health-host.ts';
import { OutlierWatch } from './outlier-watch.ts';
import { mustPassFirst } from './probe-loop.ts';
import { WatchedEndpoint } from './watched-endpoint.ts';

/** The endpoints of an upstream by its name. */
type Addresses = (upstream: string) => readonly ResolvedEndpoint[];

export class HealthMonitor {
  readonly #host: HealthHost;
  readonly #endpoints = new Map<string, WatchedEndpoint>();
  readonly #outliers = new Map<string, OutlierWatch>();
  #config: Config | undefined = undefined;

  constructor(host: HealthHost) {
    this.#host = host;
  }

  /**
   * To be called before workers hear of the endpoints that `watch` is going to be called with: keeps requests from those that must
   * pass their probes first.
   */
  announce(config: Config, addresses: Addresses): void {
    if (!this.#config) return;
    for (const [name, upstream] of Object.entries(config.upstreams)) {
      if (!mustPassFirst(upstream)) continue;
      for (const address of addresses(name)) {
        const key = seriesKey.endpoint(name, formatAddress(address));
        if (!this.#endpoints.has(key)) this.#host.cells(key)?.setStatus('warming');
      }
    }
  }

  /** Watches the endpoints of `config`; what is known of endpoints that were watched before is kept. */
  watch(config: Config, addresses: Addresses): void {
    const seen = new Set<string>();
    const found = this.#config ? 'later' : 'at-start';
    this.#config = config;
    for (const [name, upstream] of Object.entries(config.upstreams)) {
      for (const address of addresses(name)) {
        const endpoint = formatAddress(address);
        const key = seriesKey.endpoint(name, endpoint);
        seen.add(key);
        const watched =
          this.#endpoints.get(key) ?? new WatchedEndpoint({ key, upstream: name, endpoint, found }, this.#host);
        // What is there from the start has nobody to take requests from; what comes later starts slowly.
        if (found === 'later' && !this.#endpoints.has(key)) this.#host.cells(key)?.markReady(this.#host.clock.wall());
        this.#endpoints.set(key, watched);
        watched.configure(upstream, address);
      }
      this.#watchOutliers(name, upstream);
    }
    this.#forget(config, seen);
  }

  /** A worker saw so many failures in a row that the endpoint should be ejected; `last` was the last of them. */
  reportFailing(upstream: string, endpoint: string, last: FailureKind): void {
    const after = this.#config?.upstreams[upstream]?.eject.after ?? 0;
    if (after === 0) return;
    this.#eject(seriesKey.endpoint(upstream, endpoint), 'consecutive', `${after} failures in a row, the last: ${last}`);
  }

  /** Starts or ends draining; returns false when there is no such endpoint. */
  drain(upstream: string, endpoint: string, draining: boolean): boolean {
    const watched = this.#endpoints.get(seriesKey.endpoint(upstream, endpoint));
    watched?.setDraining(draining);
    return watched !== undefined;
  }

  healthOf(key: string): EndpointHealth | undefined {
    return this.#endpoints.get(key)?.health;
  }

  stop(): void {
    for (const watched of this.#endpoints.values()) watched.stop();
    for (const watch of this.#outliers.values()) watch.stop();
    this.#endpoints.clear();
    this.#outliers.clear();
  }

  #watchOutliers(upstream: string, config: UpstreamConfig): void {
    const watch =
      this.#outliers.get(upstream) ??
      new OutlierWatch({
        timers: this.#host.timers,
        read: (key, cell) => this.#host.read(key, cell),
        endpoints: () =>
          this.#membersOf(upstream)
            .filter(({ status }) => takesRequests(status))
            .map(({ identity }) => identity.key),
        found: ({ key, cause, reason }) => this.#eject(key, cause, reason),
      });
    this.#outliers.set(upstream, watch);
    watch.configure(config.eject);
  }

  #forget(config: Config, seen: ReadonlySet<string>): void {
    for (const [key, watched] of this.#endpoints) {
      if (seen.has(key)) continue;
      watched.stop();
      this.#endpoints.delete(key);
    }
    for (const [upstream, watch] of this.#outliers) {
      if (config.upstreams[upstream]) continue;
      watch.stop();
      this.#outliers.delete(upstream);
    }
  }

  /** Ejects an endpoint, unless it is out already or too many others are. */
  #eject(key: string, cause: EjectionCause, reason: string): void {
    const watched = this.#endpoints.get(key);
    const eject = watched && this.#config?.upstreams[watched.identity.upstream]?.eject;
    if (!watched || !eject || watched.isEjected) return;
    const members = this.#membersOf(watched.identity.upstream);
    const ejected = members.filter(({ isEjected }) => isEjected).length;
    const most = Math.max(members.length > 1 ? 1 : 0, Math.floor(members.length * eject['max-ejected']));
    if (ejected < most) watched.eject(cause, reason, eject);
  }

  #membersOf(upstream: string): readonly WatchedEndpoint[] {
    return [...this.#endpoints.values()].filter(({ identity }) => identity.upstream === upstream);
  }
}
