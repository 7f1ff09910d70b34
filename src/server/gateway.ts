// The running gateway: starts it, changes its configuration, stops it. Main thread only.
//
// What takes long to load is loaded when the first worker has been started, which takes as long to load what it needs.
import type { AdminHost } from '#admin/admin-host.ts';
import type { LogLevel } from '#telemetry/program-log.ts';
import type { BoundListener } from './messages.ts';
import { startThread } from './worker-thread.ts';

export interface GatewayOptions {
  /** Path of the configuration file; or `configuration` as plain data. */
  readonly file?: string | undefined;
  readonly configuration?: unknown;
  /** Whether SIGHUP, SIGTERM and the like are handled. Default true. */
  readonly signals?: boolean;
  /** Least severity of what is logged, instead of the configuration's. */
  readonly logLevel?: LogLevel;
}

export interface Gateway {
  readonly listeners: readonly BoundListener[];
  /** `host:port` of the admin API. */
  readonly adminAddress: string;
  /** Resolves with the exit code when the gateway has stopped. */
  readonly stopped: Promise<number>;
  /** Drains for at most the configured time, or `deadlineMs`, and stops. */
  stop(deadlineMs?: number): Promise<void>;
  reload(): ReturnType<AdminHost['reload']>;
}

/** Starts the gateway; resolves when it accepts connections. Rejects with a `StartError`. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  // There is always one at least: it comes up while the configuration is read and checked.
  const firstWorker = startThread(0);
  try {
    const { startControlPlane } = await import('./gateway-start.ts');
    return await startControlPlane(firstWorker, options);
  } catch (error) {
    await firstWorker.worker.terminate();
    throw error;
  }
}
