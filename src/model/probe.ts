// The extension point of active health checks: asks one endpoint whether it is well. Runs on the main thread.
import { lazyOptions, type WithOptions } from '#schema/lazy-options.ts';
import type { Schema } from '#schema/schema.ts';
import type { EndpointTls } from './endpoint-tls.ts';

export interface ProbeTarget {
  readonly host: string;
  readonly port: number;
  readonly socketPath: string;
  /** The PROXY protocol header that the endpoint wants every connection or datagram to begin with. */
  readonly proxyHeader?: Buffer | undefined;
  /** How requests speak TLS with the endpoint, if they do: a probe does the same unless it is told otherwise. */
  readonly tls?: EndpointTls | undefined;
  /** What requests speak with the endpoint: see `PoolSettings`. A probe of HTTP does the same, like with `tls`. */
  readonly protocol?: 'http1' | 'http2' | 'auto' | undefined;
}

export interface ProbeResult {
  readonly healthy: boolean;
  /** Why, for the admin API and the log: `status 500`, `connection refused`. */
  readonly reason: string;
}

export interface Probe {
  /** Never rejects. Ends at the latest when `signal` aborts. */
  check(target: ProbeTarget, signal: AbortSignal): Promise<ProbeResult>;
}

export interface ProbeModule<Options = unknown> {
  readonly type: string;
  readonly summary: string;
  readonly options: Schema<Options>;
  create(options: Options): Probe;
}

export function defineProbe<Options>(module: WithOptions<ProbeModule<Options>>): ProbeModule<Options> {
  return lazyOptions(module);
}
