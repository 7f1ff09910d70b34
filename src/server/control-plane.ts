// The control plane: holds the configuration in use, takes the workers from one to the next, answers the admin API.
import type { AdminHost, GatewayStatus, ReloadResult } from '#admin/admin-host.ts';
import type { FoundEndpoints } from '#config/compile.ts';
import type { Config } from '#config/config-schema.ts';
import { diffConfigurations } from '#config/diff.ts';
import { hideSecrets } from '#config/hide-secrets.ts';
import { systemClock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import { systemRandom } from '#lib/random.ts';
import { systemTimers } from '#lib/timers.ts';
import { readVersion } from '#lib/version.ts';
import { NO_CHALLENGES } from '#model/challenges.ts';
import type { HealthMonitor } from '#server/health/health-monitor.ts';
import type { LogLevel } from '#telemetry/program-log.ts';
import type { ProcessMetric } from '#telemetry/prometheus.ts';
import { type ViewSource, viewListeners, viewRoutes, viewUpstreams } from './admin-view.ts';
import { bindAll } from './bind-check.ts';
import { Certificates } from './certificates/certificates.ts';
import { AuthorityWatch } from './certificates/client-authorities.ts';
import { type CheckedConfiguration, loadChecked } from './checked-configuration.ts';
import type { ConfigurationSource } from './configuration-source.ts';
import { gatewayMetrics } from './gateway-metrics.ts';
import type { BoundListener, Preparation } from './messages.ts';
import { processMetrics } from './process-metrics.ts';
import { ResolverSet } from './resolver-set.ts';
import { ScalingMonitor } from './scaling-monitor.ts';
import type { MemoryLayout, SharedMemory } from './shared-memory.ts';
import { TicketRotation } from './ticket-rotation.ts';
import { WakeHooks } from './wake-hooks.ts';
import { WorkerPool } from './worker-pool.ts';
import type { WorkerThread } from './worker-thread.ts';

export interface ControlPlaneParts {
  readonly log: Log & { setLevel(level: LogLevel): void };
  readonly memory: SharedMemory;
  readonly health: HealthMonitor;
  readonly source: ConfigurationSource;
  readonly firstWorker: WorkerThread;
  /** Stands over the configuration's own. */
  readonly logLevel: LogLevel | undefined;
}

export class ControlPlane implements AdminHost {
  /** Resolves with the exit code when all is stopped. */
  readonly stopped: Promise<number>;
  readonly #parts: ControlPlaneParts;
  readonly #workers: WorkerPool;
  readonly #resolvers: ResolverSet;
  readonly #wakeHooks: WakeHooks;
  readonly #scaling = new ScalingMonitor({ timers: systemTimers, view: () => this.#view });
  readonly certificates: Certificates;
  readonly #authorityWatch = new AuthorityWatch(systemTimers, () => void this.reload());
  readonly #tickets: TicketRotation;
  readonly #startedAt = systemClock.wall();
  readonly #startedNow = systemClock.now();
  #stopped!: (code: number) => void;
  #loaded!: CheckedConfiguration;
  #preparation: Preparation | undefined = undefined;
  #lastReload: GatewayStatus['lastReload'] = null;
  readonly #reloads = { ok: 0, failed: 0 };
  /** Changes wait for each other. */
  #changing: Promise<unknown> = Promise.resolve();
  #draining = false;
  #unwatch: () => void = () => {};

  constructor(parts: ControlPlaneParts) {
    this.#parts = parts;
    this.stopped = new Promise((resolve) => {
      this.#stopped = resolve;
    });
    this.#tickets = new TicketRotation(parts.memory.ticketKeys, systemTimers);
    const { log, memory, health } = parts;
    this.#workers = new WorkerPool(
      {
        log,
        clock: systemClock,
        died: (index) => memory.giveBack(index),
        failing: (upstream, endpoint, last) => health.reportFailing(upstream, endpoint, last),
        wake: (upstream) => this.#wakeHooks.call(upstream, this.#preparation?.config.upstreams[upstream]?.wake),
        certify: (name) => this.certificates.certify(name),
        current: () => this.#preparation,
        exclusively: (work) => this.#change(work),
      },
      parts.firstWorker,
    );
    this.#wakeHooks = new WakeHooks({ log, clock: systemClock });
    this.certificates = new Certificates({
      log,
      clock: systemClock,
      timers: systemTimers,
      random: systemRandom,
      replace: (certificates) => this.#replacePart({ certificates }),
      publish: (challenges) => this.#replacePart({ challenges }),
    });
    this.#resolvers = new ResolverSet(
      { log, setTimer: systemTimers.set, now: () => systemClock.now(), random: systemRandom },
      (upstream) => void this.#change(() => this.#endpointsChanged(upstream)),
    );
  }

  get listeners(): readonly BoundListener[] {
    return this.#preparation?.listeners ?? [];
  }

  /** Starts the workers with the first configuration. */
  async start(workers: number, loaded: CheckedConfiguration): Promise<void> {
    await this.#workers.start(workers);
    await this.#change(() => this.#apply(loaded));
    this.#scaling.start();
  }

  watchFile(): void {
    this.#unwatch = this.#parts.source.watch(() => void this.reload());
  }

  /** Loads the configuration again and puts it in use everywhere, or nowhere. */
  reload(): Promise<ReloadResult> {
    return this.#change(async () => {
      const result = await this.#reloadOnce();
      this.#lastReload = { time: new Date(systemClock.wall()).toISOString(), ok: result.ok, problems: result.problems };
      if (result.ok) this.#reloads.ok++;
      else this.#reloads.failed++;
      return result;
    });
  }

  /** Resolves when all workers use the part in place of the one they have, and so will those that start. */
  #replacePart(part: Pick<Preparation, 'certificates'> | Pick<Preparation, 'challenges'>): Promise<void> {
    return this.#change(async () => {
      // A worker that drains is asked nothing else.
      if (!this.#preparation || this.#draining) return;
      this.#preparation = { ...this.#preparation, ...part };
      if ('certificates' in part) await this.#workers.tell({ type: 'certificates', ...part }, 'certified');
      else await this.#workers.tell({ type: 'challenges', ...part }, 'challenged');
    });
  }

  reopenLogs(): void {
    this.#workers.broadcast({ type: 'reopen-logs' });
  }

  /** Lets exchanges end for the configured time, or `deadlineMs`; then ends them. */
  drain(deadlineMs = this.#loaded.config.drain.timeout): void {
    const first = !this.#draining;
    this.#draining = true;
    systemTimers.set(() => this.#workers.broadcast({ type: 'abort' }), deadlineMs);
    if (!first) return;
    this.#parts.log.info('draining', { timeoutMs: deadlineMs });
    this.#unwatch();
    // After a change that is under way: a worker answers one question at a time.
    void this.#changing.then(async () => {
      await this.#workers.drain();
      await this.terminate();
      this.#parts.log.info('stopped');
      this.#stopped(0);
    });
  }

  async terminate(): Promise<void> {
    this.#resolvers.stop();
    this.#wakeHooks.stop();
    this.#scaling.stop();
    this.certificates.stop();
    this.#authorityWatch.stop();
    this.#tickets.stop();
    this.#parts.health.stop();
    await this.#workers.terminate();
  }

  // What the admin API asks.

  status(): GatewayStatus {
    const { source } = this.#parts;
    return {
      version: readVersion(),
      pid: process.pid,
      startedAt: new Date(this.#startedAt).toISOString(),
      uptimeMs: Math.round(systemClock.now() - this.#startedNow),
      generation: this.#preparation?.generation ?? 0,
      file: source.file ?? null,
      workers: this.#workers.lives,
      listeners: viewListeners(this.#view, this.listeners),
      lastReload: this.#lastReload,
      draining: this.#draining,
    };
  }

  ready(): boolean {
    return this.#preparation !== undefined && !this.#draining;
  }

  upstreams() {
    return viewUpstreams(this.#view);
  }

  scaling(upstream: string) {
    return this.#scaling.signal(upstream);
  }

  routes() {
    return viewRoutes(this.#view);
  }

  configuration(): unknown {
    return hideSecrets(this.#loaded.config, this.#loaded.secretPaths);
  }

  metrics(): string {
    return gatewayMetrics(this.#view, this.#scaling, [...this.certificates.metrics(), ...this.#processMetrics]);
  }

  drainEndpoint(upstream: string, endpoint: string, draining: boolean): boolean {
    return this.#parts.health.drain(upstream, endpoint, draining);
  }

  get #processMetrics(): readonly ProcessMetric[] {
    return processMetrics({
      uptimeMs: systemClock.now() - this.#startedNow,
      workers: this.#workers.lives,
      generation: this.#preparation?.generation ?? 0,
      reloads: this.#reloads,
      memory: this.#parts.memory,
    });
  }

  get #view(): ViewSource {
    const { memory, health } = this.#parts;
    return { config: this.#loaded.config, found: this.#preparation?.found ?? {}, memory, health };
  }

  #change<Result>(change: () => Promise<Result>): Promise<Result> {
    const next = this.#changing.then(change);
    this.#changing = next.catch(() => {});
    return next;
  }

  async #reloadOnce(): Promise<ReloadResult> {
    const { source, log } = this.#parts;
    const generation = this.#preparation?.generation ?? 0;
    if (this.#draining) return this.#refused(['the gateway is draining'], generation);
    const loaded = await loadChecked(source);
    if (!loaded.ok) return this.#refused(loaded.lines, generation);
    const changes = diffConfigurations(this.#loaded.config, loaded.config);
    try {
      await this.#apply(loaded);
    } catch (error) {
      return this.#refused([(error as Error).message], generation);
    }
    log.info('configuration is in use', {
      generation: generation + 1,
      changes: changes.slice(0, 20),
      changed: changes.length,
    });
    return { ok: true, generation: generation + 1, problems: [] };
  }

  #refused(problems: readonly string[], generation: number): ReloadResult {
    this.#parts.log.error('the new configuration is refused; the old one stays in use', { problems });
    return { ok: false, generation, problems };
  }

  async #apply(loaded: CheckedConfiguration): Promise<void> {
    const { memory, health, log } = this.#parts;
    const { config } = loaded;
    const listeners = await bindAll(config, this.#preparation);
    const certificates = await this.certificates.prepare({
      config,
      loaded: loaded.certificates,
      file: this.#parts.source.file,
    });
    this.#resolvers.use(config);
    const found = this.#foundEndpoints(config);
    const generation = (this.#preparation?.generation ?? 0) + 1;
    const layout = memory.allot(config, found);
    health.announce(config, (upstream) => found[upstream] ?? []);
    const workers = this.#workers.size;
    const { challenges = NO_CHALLENGES } = this.#preparation ?? {};
    const settled = { generation, config, found, memory: layout, listeners, workers };
    const { authorities, paths } = loaded.clientAuthorities;
    const preparation: Preparation = { ...settled, certificates, challenges, authorities };
    try {
      await this.#workers.change(preparation);
    } catch (error) {
      this.#goBack();
      throw error;
    }
    this.#resolvers.settle();
    this.#loaded = loaded;
    this.#preparation = preparation;
    log.setLevel(this.#parts.logLevel ?? config.logs.level);
    for (const warning of loaded.warnings) log.warn(warning);
    this.#tickets.every(config.tls['ticket-rotation']);
    memory.keepOnly(layout);
    health.watch(config, (upstream) => found[upstream] ?? []);
    this.certificates.commit();
    this.#authorityWatch.use(paths);
  }

  /** A change has failed: what it needed and what is in use does not is given back. */
  #goBack(): void {
    this.certificates.discard();
    if (!this.#preparation) return;
    this.#resolvers.use(this.#preparation.config);
    this.#resolvers.settle();
    this.#parts.memory.keepOnly(this.#preparation.memory);
  }

  async #endpointsChanged(upstream: string): Promise<void> {
    const { memory, health } = this.#parts;
    if (!this.#preparation) return;
    const { config } = this.#preparation;
    if (!config.upstreams[upstream]) return;
    const found = this.#foundEndpoints(config);
    const layout: MemoryLayout = memory.allot(config, found);
    this.#preparation = { ...this.#preparation, found, memory: layout };
    health.announce(config, (name) => found[name] ?? []);
    this.#workers.broadcast({ type: 'endpoints', upstream, endpoints: found[upstream] ?? [], memory: layout });
    memory.keepOnly(layout);
    health.watch(config, (name) => found[name] ?? []);
  }

  #foundEndpoints(config: Config): FoundEndpoints {
    return Object.fromEntries(
      Object.entries(config.upstreams).map(([name, upstream]) => [name, this.#resolvers.endpoints(name, upstream)]),
    );
  }
}
