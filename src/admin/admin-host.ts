// What the admin API needs of the running gateway. `server/gateway.ts` implements it; nothing here knows how.
import type {
  CertificateStatus,
  GatewayStatus,
  ReloadResult,
  RouteStatus,
  ScalingSignal,
  UpstreamStatus,
} from '#schema/admin-schemas.ts';

export type {
  CertificateStatus,
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

/** What became of a call that has to do with a certificate. */
export type CertificateOutcome =
  | { readonly ok: true }
  /** `isUnknown`: there is no such name or listener. `detail` is a sentence. */
  | { readonly ok: false; readonly isUnknown: boolean; readonly detail: string };

export interface CertificateAdmin {
  /** By listener, in the order in which they count. */
  list(): readonly CertificateStatus[];
  /** Takes certificate files that have changed. Resolves with what is wrong with those that cannot be used. */
  reload(): Promise<readonly string[]>;
  /** Renews what is for the name by ACME now; resolves when it is in use, or has failed. */
  renew(name: string): Promise<CertificateOutcome>;
  /** Has a certificate issued for a name that has none: one of the configuration, or on demand. */
  issue(name: string): Promise<CertificateOutcome>;
  /** Puts a pair in use for a listener, and keeps it, in place of one of the same name. */
  upload(
    listener: string,
    name: string,
    pair: { readonly certificate: string; readonly key: string },
  ): Promise<CertificateOutcome>;
  /** Resolves with whether there was one. */
  remove(listener: string, name: string): Promise<boolean>;
}

export interface AdminHost {
  readonly certificates: CertificateAdmin;

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
