// The running gateway: starts the control plane and the admin API, changes the configuration, stops. Main thread only. The first worker
// is there already; see gateway.ts.
import { availableParallelism } from 'node:os';
import type { AdminHost } from '#admin/admin-host.ts';
import type { AdminServer } from '#admin/admin-server.ts';
import { systemClock } from '#lib/clock.ts';
import { systemRandom } from '#lib/random.ts';
import { systemTimers } from '#lib/timers.ts';
import type { Probe } from '#model/probe.ts';
import { probes } from '#probes/index.ts';
import { HealthMonitor } from '#server/health/health-monitor.ts';
import { createProgramLog, type LogLevel } from '#telemetry/program-log.ts';
import { loadChecked } from './checked-configuration.ts';
import { type ConfigurationSource, createSource } from './configuration-source.ts';
import { ControlPlane } from './control-plane.ts';
import type { BoundListener } from './messages.ts';
import { SharedMemory } from './shared-memory.ts';
import { handleSignals } from './signals.ts';
import { StartError } from './start-error.ts';
import type { WorkerThread } from './worker-thread.ts';

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

/** Starts all that a gateway has beside its first worker; rejects with a `StartError`. */
export async function startControlPlane(firstWorker: WorkerThread, options: GatewayOptions): Promise<Gateway> {
  const source = createSource(options);
  const first = await load(source);
  const log = createProgramLog(options.logLevel ?? first.config.logs.level, process.stderr.isTTY === true);
  const workers = process.platform === 'linux' ? countWorkers(first.config.workers) : 1;
  const memory = new SharedMemory(workers, systemClock);
  const health = new HealthMonitor({
    clock: systemClock,
    random: systemRandom,
    timers: systemTimers,
    log,
    createProbe,
    cells: (key) => memory.cells(key),
    read: (key, cell) => memory.read(key, cell),
  });
  const control = new ControlPlane({ log, memory, health, source, firstWorker, logLevel: options.logLevel });
  let admin: AdminServer | undefined;
  try {
    await control.start(workers, first);
    // Requests are answered from here on: what only the admin API needs is loaded after.
    const { createAdminServer } = await import('#admin/admin-server.ts');
    const { address, token } = first.config.admin;
    admin = await createAdminServer(control, { address, token, log });
  } catch (error) {
    await control.terminate();
    throw new StartError((error as Error).message, 69, { cause: error });
  }
  const server = admin;
  const stopped = control.stopped.then(async (code) => {
    await server.close();
    return code;
  });
  if (options.signals !== false) handleSignals(control);
  control.watchFile();
  log.info('ready', { admin: server.address, listeners: control.listeners, workers, pid: process.pid });
  return {
    listeners: control.listeners,
    adminAddress: server.address,
    stopped,
    stop: async (deadlineMs) => {
      control.drain(deadlineMs);
      await stopped;
    },
    reload: () => control.reload(),
  };
}

async function load(source: ConfigurationSource) {
  const loaded = await loadChecked(source);
  if (!loaded.ok) throw new StartError(loaded.text, 1);
  return loaded;
}

function createProbe(type: string, options: unknown): Probe {
  const module = probes.find((candidate) => candidate.type === type);
  if (!module) throw new Error(`probe ${type} passed the schema but is not registered`);
  return module.create(options);
}

function countWorkers(configured: number | 'auto'): number {
  return configured === 'auto' ? availableParallelism() : configured;
}
