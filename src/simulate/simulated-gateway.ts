// A gateway of one worker in a simulation: what is compiled and who judges endpoints are the real ones; memory, time, chance and
// endpoints are lent by the simulation.
import { compile, type FoundEndpoints } from '#config/compile.ts';
import { type CompileHost, seriesKey } from '#config/compile-host.ts';
import type { Config } from '#config/config-schema.ts';
import { hash64, hashHalves } from '#lib/hash.ts';
import type { Log } from '#lib/log.ts';
import { type Random, seededRandom } from '#lib/random.ts';
import { EndpointTable, epochReader, openEndpoint } from '#memory/endpoint-table.ts';
import { ExpiringTable } from '#memory/expiring-table.ts';
import { KeyedTable } from '#memory/keyed-table.ts';
import { CELLS_PER_SERIES, type Series } from '#memory/series-table.ts';
import { detachedUpstream, type UpstreamCells } from '#memory/upstream-table.ts';
import type { Probe } from '#model/probe.ts';
import type { ResolvedEndpoint } from '#model/resolver.ts';
import type { Snapshot } from '#model/snapshot.ts';
import { formatAddress } from '#schema/address.ts';
import { HealthMonitor } from '#server/health/health-monitor.ts';
import type { Behaviour } from './behaviour.ts';
import { Samples } from './samples.ts';
import { SimulatedEndpoint } from './simulated-endpoint.ts';
import type { VirtualTime } from './virtual-time.ts';

/** As in production: see `SharedMemory`. */
const BUCKETS = 65_536;

export interface GatewayPlan {
  readonly config: Config;
  readonly found: FoundEndpoints;
  readonly seed: number;
  /** How an endpoint behaves, by its key of `seriesKey`. */
  behaviourOf(key: string): Behaviour;
}

export class SimulatedGateway {
  /** A row for each attempt. */
  readonly attempts = new Samples();
  readonly health: HealthMonitor;
  readonly #plan: GatewayPlan;
  readonly #time: VirtualTime;
  readonly #log: Log;
  readonly #table: EndpointTable;
  readonly #series = new Map<string, Series>();
  readonly #upstreams = new Map<string, UpstreamCells>();
  readonly #endpoints = new Map<string, SimulatedEndpoint>();

  constructor(plan: GatewayPlan, time: VirtualTime, log: Log) {
    this.#plan = plan;
    this.#time = time;
    this.#log = log;
    this.#table = new EndpointTable(1, time);
    this.health = new HealthMonitor({
      clock: time,
      random: this.random('health'),
      timers: time,
      log,
      createProbe: () => this.#probe,
      cells: (key) => this.#table.open(this.#table.allocate(key)),
      read: (key, cell) => this.series(key)[cell] as number,
    });
  }

  /** Compiles the configuration, and begins to watch the endpoints. */
  async start(): Promise<Snapshot> {
    const { config, found } = this.#plan;
    const snapshot = await compile(config, found, 1, this.#compileHost());
    this.health.watch(config, (upstream) => addressesOf(config, found, upstream));
    return snapshot;
  }

  /** What was counted under a key of `seriesKey`. */
  series(key: string): Series {
    const known = this.#series.get(key) ?? new Float64Array(CELLS_PER_SERIES);
    this.#series.set(key, known);
    return known;
  }

  /** Chance for one purpose: what is drawn for one changes nothing for the others. */
  random(purpose: string): Random {
    hash64(purpose, this.#plan.seed, 0);
    return seededRandom(hashHalves[0] as number);
  }

  #compileHost(): CompileHost {
    const { seed } = this.#plan;
    return {
      clock: this.#time,
      random: this.random('gateway'),
      timers: this.#time,
      log: this.#log,
      buckets: KeyedTable.create(BUCKETS, [seed, 0]),
      secret: new Uint8Array(32),
      series: (key) => this.series(key),
      cells: (key) => {
        const slot = this.#table.allocate(key);
        return openEndpoint(this.#table.layout, 0, slot);
      },
      upstream: (key) => this.#upstream(key),
      sessions: ({ size }) => ExpiringTable.create(size, new Uint8Array(16)),
      epoch: epochReader(this.#table.layout),
      transport: (key, _target, pool) => {
        const behaviour = this.#plan.behaviourOf(key);
        const host = { time: this.#time, random: this.random(key), attempts: this.attempts };
        const endpoint = new SimulatedEndpoint(this.#endpoints.size, behaviour, pool, host);
        this.#endpoints.set(key, endpoint);
        return endpoint;
      },
      // An upstream without an endpoint stays so: there is nobody whom a hook would start.
      wake() {},
      report: (upstream, endpoint, last) => this.health.reportFailing(upstream.name, endpoint.name, last),
    };
  }

  /** The number of an endpoint in the rows of samples. */
  indexOf(key: string): number {
    return this.#endpoints.get(key)?.index ?? -1;
  }

  /** Whatever a probe asks: a simulated endpoint is well unless it refuses connections. */
  readonly #probe: Probe = {
    check: async (target) => {
      const healthy = !this.#at(formatAddress(target)).some(({ isDown }) => isDown);
      return { healthy, reason: healthy ? 'simulated' : 'connection refused' };
    },
  };

  #upstream(key: string): UpstreamCells {
    const known = this.#upstreams.get(key) ?? detachedUpstream();
    this.#upstreams.set(key, known);
    return known;
  }

  #at(address: string): readonly SimulatedEndpoint[] {
    const upstreams = Object.keys(this.#plan.config.upstreams);
    return upstreams.flatMap((upstream) => this.#endpoints.get(seriesKey.endpoint(upstream, address)) ?? []);
  }
}

export function addressesOf(config: Config, found: FoundEndpoints, upstream: string): readonly ResolvedEndpoint[] {
  return found[upstream] ?? config.upstreams[upstream]?.endpoints ?? [];
}
