// Looks for outliers among the endpoints of one upstream, window after window: reads what the workers have counted meanwhile. What an
// outlier is stands in `outliers.ts`.
import type { UpstreamConfig } from '#config/config-schema.ts';
import { CELL } from '#telemetry/series.ts';
import type { HealthHost } from './health-host.ts';
import { type EndpointFigures, findOutliers, type Outlier } from './outliers.ts';

export interface OutlierWatchHost extends Pick<HealthHost, 'timers' | 'read'> {
  /** Keys of the endpoints that take requests now. */
  endpoints(): readonly string[];
  found(outlier: Outlier): void;
}

export class OutlierWatch {
  readonly #host: OutlierWatchHost;
  #rules: UpstreamConfig['eject'] | undefined = undefined;
  #timer: (() => void) | undefined = undefined;
  /** The counters of each endpoint when the window began. */
  #before: ReadonlyMap<string, EndpointFigures> = new Map();

  constructor(host: OutlierWatchHost) {
    this.#host = host;
  }

  /** Judges by `rules` from now on. A window that has begun goes on unless its length is another. */
  configure(rules: UpstreamConfig['eject']): void {
    const isSame = this.#timer !== undefined && this.#rules?.window === rules.window;
    this.#rules = rules;
    const isOff = rules['success-rate'] === undefined && rules.latency === undefined;
    if (isSame && !isOff) return;
    this.stop();
    if (!isOff) this.#begin(rules.window);
  }

  stop(): void {
    this.#timer?.();
    this.#timer = undefined;
  }

  #begin(windowMs: number): void {
    this.#before = new Map(this.#host.endpoints().map((key) => [key, this.#read(key)]));
    this.#timer = this.#host.timers.set(() => this.#judge(), windowMs);
  }

  /** An endpoint that did not take requests when the window began is not judged by what it has got of it. */
  #judge(): void {
    const rules = this.#rules;
    if (!rules) return;
    const figures = this.#host.endpoints().flatMap((key) => {
      const before = this.#before.get(key);
      return before ? [difference(this.#read(key), before)] : [];
    });
    for (const outlier of findOutliers(figures, rules)) this.#host.found(outlier);
    this.#begin(rules.window);
  }

  #read(key: string): EndpointFigures {
    return {
      key,
      successes: this.#host.read(key, CELL.attemptSuccesses),
      failures: this.#host.read(key, CELL.attemptFailures),
      latencyMs: this.#host.read(key, CELL.attemptSeconds) * 1000,
    };
  }
}

function difference(now: EndpointFigures, before: EndpointFigures): EndpointFigures {
  return {
    key: now.key,
    successes: now.successes - before.successes,
    failures: now.failures - before.failures,
    latencyMs: now.latencyMs - before.latencyMs,
  };
}
