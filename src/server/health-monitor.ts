// Judges endpoints: probes them, ejects those that fail real requests, drains those an operator names. Main thread only.

import { seriesKey } from '#config/compile-host.ts';
import type { Config, UpstreamConfig } from '#config/config-schema.ts';
import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import type { Random } from '#lib/random.ts';
import type { EndpointCells, EndpointStatus } from '#memory/endpoint-table.ts';
import type { Probe } from '#model/probe.ts';
import type { ResolvedEndpoint } from '#model/resolver.ts';
import { probes } from '#probes/index.ts';
import { formatAddress } from '#schema/address.ts';
import { writeOwnHeader } from '#wire/proxy-protocol/write-header.ts';

/** Sets timers; handed in so that tests turn the clock. */
export interface Timers {
  /** Returns how to take the timer back. */
  set(callback: () => void, delayMs: number): () => void;
}

export interface HealthHost {
  readonly clock: Clock;
  readonly random: Random;
  readonly timers: Timers;
  readonly log: Log;
  cells(key: string): EndpointCells | undefined;
}

export interface HealthChange {
  readonly time: number;
  readonly status: EndpointStatus;
  readonly reason: string;
}

/** What is told of an endpoint. */
export interface EndpointHealth {
  readonly status: EndpointStatus;
  readonly reason: string;
  readonly ejections: number;
  readonly history: readonly HealthChange[];
}

const MAX_HISTORY = 20;
/** Probes are spread by up to this share of their interval, so that they do not come in waves. */
const JITTER = 0.1;

export class HealthMonitor {
  readonly #host: HealthHost;
  readonly #endpoints = new Map<string, Watched>();
  #watching = false;

  constructor(host: HealthHost) {
    this.#host = host;
  }

  /** Watches the endpoints of `config`; what is known of endpoints that were watched before is kept. */
  watch(config: Config, addresses: (upstream: string) => readonly ResolvedEndpoint[]): void {
    const seen = new Set<string>();
    const isFirst = !this.#watching;
    this.#watching = true;
    for (const [name, upstream] of Object.entries(config.upstreams)) {
      for (const address of addresses(name)) {
        const key = seriesKey.endpoint(name, formatAddress(address));
        seen.add(key);
        const watched =
          this.#endpoints.get(key) ??
          new Watched(key, name, formatAddress(address), this.#host, () => this.#mayEject(name));
        // What is there from the start has nobody to take requests from; what comes later starts slowly.
        if (!isFirst && !this.#endpoints.has(key)) this.#host.cells(key)?.markReady(this.#host.clock.wall());
        this.#endpoints.set(key, watched);
        watched.configure(upstream, address);
      }
    }
    for (const [key, watched] of this.#endpoints) {
      if (seen.has(key)) continue;
      watched.stop();
      this.#endpoints.delete(key);
    }
  }

  /** A worker saw so many failures in a row that the endpoint should be ejected. */
  reportFailing(upstream: string, endpoint: string): void {
    this.#endpoints.get(seriesKey.endpoint(upstream, endpoint))?.eject();
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
    this.#endpoints.clear();
  }

  /** Whether one more endpoint of the upstream may be ejected without too many being out. */
  #mayEject(upstream: string): boolean {
    const all = [...this.#endpoints.values()].filter((watched) => watched.upstream === upstream);
    const ejected = all.filter((watched) => watched.ejected).length;
    const share = all[0]?.maxEjected ?? 0;
    return ejected < Math.max(all.length > 1 ? 1 : 0, Math.floor(all.length * share));
  }
}

/** One endpoint under watch. */
class Watched {
  readonly upstream: string;
  readonly #key: string;
  readonly #endpoint: string;
  readonly #host: HealthHost;
  readonly #mayEject: () => boolean;
  readonly #history: HealthChange[] = [];
  #config: UpstreamConfig | undefined = undefined;
  #address: ResolvedEndpoint | undefined = undefined;
  #probe: Probe | undefined = undefined;
  #probeConfig = '';
  #probeTimer: (() => void) | undefined = undefined;
  #abort: AbortController | undefined = undefined;
  /** The verdict of the probes; `undefined` before the first. */
  #well: boolean | undefined = undefined;
  #probeReason = '';
  /** Results in a row that contradict the verdict. */
  #contradictions = 0;
  #draining = false;
  #ejections = 0;
  #ejectionsInARow = 0;
  /** `Clock.now` when the last ejection ended. */
  #backAt = Number.NEGATIVE_INFINITY;
  #ejectTimer: (() => void) | undefined = undefined;
  #status: EndpointStatus = 'unknown';
  #reason = '';

  constructor(key: string, upstream: string, endpoint: string, host: HealthHost, mayEject: () => boolean) {
    this.#key = key;
    this.upstream = upstream;
    this.#endpoint = endpoint;
    this.#host = host;
    this.#mayEject = mayEject;
  }

  get ejected(): boolean {
    return this.#ejectTimer !== undefined;
  }

  get maxEjected(): number {
    return this.#config?.eject['max-ejected'] ?? 0;
  }

  get health(): EndpointHealth {
    return { status: this.#status, reason: this.#reason, ejections: this.#ejections, history: this.#history };
  }

  configure(config: UpstreamConfig, address: ResolvedEndpoint): void {
    this.#config = config;
    this.#address = address;
    const probeConfig = JSON.stringify(config.health ?? null);
    if (probeConfig !== this.#probeConfig) {
      this.#probeConfig = probeConfig;
      this.#restartProbe(config);
    }
    this.#publish();
  }

  stop(): void {
    this.#stopProbe();
    this.#ejectTimer?.();
    this.#ejectTimer = undefined;
  }

  /** Takes the endpoint out for a while that grows with each time. */
  eject(): void {
    const { eject } = this.#config ?? {};
    if (!eject || eject.after === 0 || this.ejected || !this.#mayEject()) return;
    this.#ejections++;
    // An endpoint that has been well for as long as the longest ejection begins anew.
    const rested = this.#host.clock.now() - this.#backAt > eject['max-time'];
    this.#ejectionsInARow = rested ? 1 : this.#ejectionsInARow + 1;
    const ms = Math.min(eject['max-time'], eject.time * this.#ejectionsInARow);
    this.#ejectTimer = this.#host.timers.set(() => {
      this.#ejectTimer = undefined;
      this.#backAt = this.#host.clock.now();
      this.#host.cells(this.#key)?.recordSuccess();
      this.#publish('back after ejection');
    }, ms);
    this.#publish(`${eject.after} failures in a row`);
  }

  setDraining(draining: boolean): void {
    this.#draining = draining;
    this.#publish(draining ? 'drained by an operator' : 'draining ended by an operator');
  }

  #restartProbe(config: UpstreamConfig): void {
    this.#stopProbe();
    this.#well = undefined;
    const module = probes.find(({ type }) => type === config.health?.type);
    this.#probe = module?.create(config.health?.options);
    // The first probe comes at once: a new endpoint is judged quickly.
    if (this.#probe) this.#probeTimer = this.#host.timers.set(() => void this.#check(), 0);
  }

  #stopProbe(): void {
    this.#probeTimer?.();
    this.#probeTimer = undefined;
    this.#abort?.abort();
    this.#abort = undefined;
    this.#probe = undefined;
  }

  async #check(): Promise<void> {
    const probe = this.#probe;
    const timing = this.#config?.health?.shared;
    const address = this.#address;
    if (!probe || !timing || !address) return;
    const abort = new AbortController();
    this.#abort = abort;
    const clearTimeout = this.#host.timers.set(() => abort.abort(), timing.timeout);
    const { healthy, reason } = await probe.check({ ...address, proxyHeader: this.#proxyHeader }, abort.signal);
    clearTimeout();
    if (this.#probe !== probe) return;
    this.#judge(healthy, reason, timing);
    const interval = this.#well === false ? (timing['unhealthy-interval'] ?? timing.interval) : timing.interval;
    const delay = interval * (1 + JITTER * (2 * this.#host.random() - 1));
    this.#probeTimer = this.#host.timers.set(() => void this.#check(), delay);
  }

  /** The endpoint refuses connections without one. */
  get #proxyHeader(): Buffer | undefined {
    const version = this.#config?.['send-proxy-protocol'];
    return version && writeOwnHeader(version === 'v1' ? 1 : 2);
  }

  #judge(healthy: boolean, reason: string, timing: { readonly healthy: number; readonly unhealthy: number }): void {
    this.#probeReason = reason;
    if (healthy === this.#well) {
      this.#contradictions = 0;
      return;
    }
    this.#contradictions++;
    const needed = this.#well === undefined ? 1 : healthy ? timing.healthy : timing.unhealthy;
    if (this.#contradictions < needed) return;
    this.#contradictions = 0;
    this.#well = healthy;
    this.#publish(`probe: ${reason}`);
  }

  /** Works out the status, and tells the workers, the history and the log when it changed. */
  #publish(reason = ''): void {
    const status = this.#statusNow();
    const cells = this.#host.cells(this.#key);
    if (isUsable(status) && !isUsable(this.#status)) cells?.markReady(this.#host.clock.wall());
    cells?.setStatus(status);
    if (status === this.#status) return;
    const first = this.#status === 'unknown' && status === 'healthy';
    this.#status = status;
    this.#reason = reason || (status === 'unhealthy' ? this.#probeReason : '');
    this.#history.push({ time: this.#host.clock.wall(), status, reason: this.#reason });
    if (this.#history.length > MAX_HISTORY) this.#history.shift();
    const facts = { upstream: this.upstream, endpoint: this.#endpoint, reason: this.#reason };
    if (status === 'unhealthy' || status === 'ejected') this.#host.log.warn(`endpoint is ${status}`, facts);
    else if (!first) this.#host.log.info(`endpoint is ${status}`, facts);
  }

  #statusNow(): EndpointStatus {
    if (this.#draining) return 'draining';
    if (this.#well === false) return 'unhealthy';
    if (this.ejected) return 'ejected';
    return this.#well === undefined ? 'unknown' : 'healthy';
  }
}

function isUsable(status: EndpointStatus): boolean {
  return status === 'healthy' || status === 'unknown';
}
