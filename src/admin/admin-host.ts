// What the admin API needs of the running gateway. `server/gateway.ts` implements it; nothing here knows how.
import type { GatewayStatus, ReloadResult, RouteStatus, ScalingSignal, UpstreamStatus } from '#schema/admin-schemas.ts';

export type {
  EndpointState,
  EndpointStatus,
  GatewayStatus,
  HealthChange,
  LastReload,
  ListenerStatus,
  ReloadResult,
  RouteStatus,
  ScalingSignal,
  UpstreamStatus,
  WorkerStatus,
} from '#schema/admin-schemas.ts';

export interface AdminHost {
  status(): GatewayStatus;
  /** Whether new traffic is welcome: true from the first commit of a configuration until the drain begins. */
  ready(): boolean;
  /** In the order of the configuration. */
  upstreams(): readonly UpstreamStatus[];
  /** `undefined` when there is no such upstream. */
  scaling(upstream: string): ScalingSignal | undefined;
  /** In the order of the configuration. */
  routes(): readonly RouteStatus[];
  /** The effective configuration as plain data, with secrets already hidden. */
  configuration(): unknown;
  /** Prometheus text exposition, format 0.0.4. */
  metrics(): string;
  /** Loads the configuration again. Never rejects for what is wrong with it: that is `ok: false` with `problems`. */
  reload(): Promise<ReloadResult>;
  /** Starts or ends draining. Returns false when there is no such endpoint; true also when nothing had to change. */
  drainEndpoint(upstream: string, endpoint: string, draining: boolean): boolean;
}
