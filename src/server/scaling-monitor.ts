// What autoscalers are told of each upstream: its load over a window, and how many endpoints that asks for. Main thread only.
import { seriesKey } from '#config/compile-host.ts';
import type { UpstreamConfig } from '#config/config-schema.ts';
import { desiredCount, LoadHistory } from '#lib/load-history.ts';
import type { Timers } from '#lib/timers.ts';
import type { ScalingSignal } from '#schema/admin-schemas.ts';
import { estimateQuantile } from '#telemetry/prometheus.ts';
import { BUCKET_BOUNDS_MS, CELL } from '#telemetry/series.ts';
import type { ViewSource } from './admin-view.ts';
import { type UpstreamLoad, upstreamLoad } from './upstream-load.ts';

const SAMPLE_MS = 1000;
/** Where the upstream has no `scaling`. */
const DEFAULT_WINDOW_MS = 60_000;
/** Latencies are those since one of so many moments of the window. */
const SLICES = 10;

interface Watched {
  readonly loads: LoadHistory;
  /** Counts of the buckets of durations at the beginnings of slices, oldest first. */
  readonly buckets: Float64Array[];
  samples: number;
}

export interface ScalingHost {
  readonly timers: Timers;
  /** The configuration in use, and what is known of it. */
  view(): Omit<ViewSource, 'health'>;
}

export class ScalingMonitor {
  readonly #host: ScalingHost;
  readonly #upstreams = new Map<string, Watched>();
  #stopTimer: () => void = () => {};

  constructor(host: ScalingHost) {
    this.#host = host;
  }

  /** Takes the first sample, and one each second from now on. */
  start(): void {
    this.#sample();
    this.#stopTimer = this.#host.timers.set(() => this.start(), SAMPLE_MS);
  }

  stop(): void {
    this.#stopTimer();
  }

  /** `undefined` when there is no such upstream. */
  signal(name: string): ScalingSignal | undefined {
    const config = this.#host.view().config.upstreams[name];
    if (!config) return undefined;
    const watched = this.#watch(name, config);
    const { inFlight, waiting, usable, listed } = this.#present(name);
    const read = (cell: number) => this.#read(name, cell) - (watched.buckets[0]?.[cell - CELL.durationBuckets] ?? 0);
    const { scaling } = config;
    return {
      inFlight,
      waiting,
      latencyMs: { p50: estimateQuantile(read, 0.5), p90: estimateQuantile(read, 0.9) },
      endpoints: { listed, usable },
      capacity: scaling ? usable * scaling['target-in-flight'] : null,
      desired: scaling ? desired(watched.loads, scaling, usable) : null,
    };
  }

  #sample(): void {
    const { upstreams } = this.#host.view().config;
    for (const [name, config] of Object.entries(upstreams)) {
      const watched = this.#watch(name, config);
      const { inFlight, waiting } = this.#present(name);
      watched.loads.add(inFlight + waiting);
      if (watched.samples++ % Math.ceil(watched.loads.seconds / SLICES) !== 0) continue;
      watched.buckets.push(
        Float64Array.from({ length: BUCKET_BOUNDS_MS.length + 1 }, (_, i) =>
          this.#read(name, CELL.durationBuckets + i),
        ),
      );
      if (watched.buckets.length > SLICES) watched.buckets.shift();
    }
    for (const name of this.#upstreams.keys()) if (!upstreams[name]) this.#upstreams.delete(name);
  }

  #watch(name: string, { scaling }: UpstreamConfig): Watched {
    const seconds = Math.round((scaling?.window ?? DEFAULT_WINDOW_MS) / 1000);
    const known = this.#upstreams.get(name);
    if (known?.loads.seconds === seconds) return known;
    const watched = { loads: new LoadHistory(seconds), buckets: [], samples: 0 };
    this.#upstreams.set(name, watched);
    return watched;
  }

  #present(name: string): UpstreamLoad {
    const { found, memory } = this.#host.view();
    return upstreamLoad(name, found, memory);
  }

  #read(name: string, cell: number): number {
    return this.#host.view().memory.read(seriesKey.upstream(name), cell);
  }
}

function desired(loads: LoadHistory, scaling: NonNullable<UpstreamConfig['scaling']>, usable: number): number {
  const { 'target-in-flight': each, min, max = Number.POSITIVE_INFINITY } = scaling;
  // Before a whole window is known, as after a start of the gateway, nobody is sent home.
  return desiredCount(loads, { each, min: loads.isFull ? min : Math.min(max, Math.max(min, usable)), max });
}
