// What one worker holds: its snapshot, its listeners, its connection pools. Changes in two steps, prepare and commit.
import { compile } from '#config/compile.ts';
import { type CompileHost, seriesKey } from '#config/compile-host.ts';
import { listenerSettings } from '#config/compile-listener.ts';
import { compileEndpoints, poolSettings } from '#config/compile-upstream.ts';
import type { Config } from '#config/config-schema.ts';
import { systemClock } from '#lib/clock.ts';
import { Deadlines } from '#lib/deadlines.ts';
import type { Log } from '#lib/log.ts';
import { LoopDelay } from '#lib/loop-delay.ts';
import { systemRandom } from '#lib/random.ts';
import { systemTimers } from '#lib/timers.ts';
import { TurnEnd } from '#lib/turn-end.ts';
import { Listener } from '#listener/accept.ts';
import { ChallengeAcceptors } from '#listener/challenge-acceptors.ts';
import type { BoundSocket, ListenerHost } from '#listener/listener-host.ts';
import type { TlsTermination } from '#listener/tls-termination.ts';
import { UdpListener } from '#listener/udp-listener.ts';
import { WantedCertificates } from '#listener/wanted-certificates.ts';
import { epochReader, openEndpoint } from '#memory/endpoint-table.ts';
import { ExpiringTable } from '#memory/expiring-table.ts';
import { KeyedTable } from '#memory/keyed-table.ts';
import { OutputTurn } from '#memory/output-turn.ts';
import { openSeries, type Series } from '#memory/series-table.ts';
import { TicketKeys } from '#memory/ticket-keys.ts';
import { openUpstream } from '#memory/upstream-table.ts';
import type { ListenerCertificates } from '#model/certificate.ts';
import type { Challenges } from '#model/challenges.ts';
import type { Exchange } from '#model/exchange.ts';
import type { ResolvedEndpoint } from '#model/resolver.ts';
import type { Snapshot } from '#model/snapshot.ts';
import type { ListenerAuthorities } from '#model/tls.ts';
import type { Endpoint } from '#model/upstream.ts';
import { Departures } from '#net/departures.ts';
import { ChallengeAnswers } from '#proxy/challenge-answers.ts';
import { answerFailure, createHandle } from '#proxy/handle.ts';
import { noteWorker } from '#telemetry/series.ts';
import { PoolSet } from '#upstream/pool-set.ts';
import { AccessLog } from './access-log.ts';
import { countBreach } from './breach-counts.ts';
import { countError } from './error-counts.ts';
import type { BoundListener, FromWorker, Preparation, WorkerStart } from './messages.ts';
import type { MemoryLayout, Slots } from './shared-memory.ts';
import { terminationsOf } from './tls-terminations.ts';

const SWEEP_MS = 50;

interface Prepared {
  readonly snapshot: Snapshot;
  readonly config: Config;
  readonly memory: MemoryLayout;
  readonly added: ReadonlyMap<string, BoundSocket>;
  readonly listeners: readonly BoundListener[];
  readonly terminations: ReadonlyMap<string, TlsTermination>;
  readonly authorities: ListenerAuthorities;
}

export class WorkerState {
  readonly #start: WorkerStart;
  readonly #log: Log;
  readonly #tell: (message: FromWorker) => void;
  readonly #deadlines = new Deadlines(systemClock, SWEEP_MS);
  readonly #loopDelay = new LoopDelay(SWEEP_MS);
  readonly #challengeAnswers = new ChallengeAnswers();
  readonly #pools: PoolSet;
  readonly #accessLog: AccessLog;
  readonly #listenerHost: ListenerHost;
  #prepared: Prepared | undefined = undefined;
  #snapshot: Snapshot | undefined = undefined;
  /** Snapshots that exchanges began with which still go on. */
  #former: readonly Snapshot[] = [];
  #config: Config | undefined = undefined;
  #authorities: ListenerAuthorities = new Map();
  /** What this worker counts of itself. */
  #own: Series | undefined = undefined;
  #errors: Series | undefined = undefined;
  #breaches: Series | undefined = undefined;
  /** Token buckets that all workers share. */
  #buckets: KeyedTable | undefined = undefined;
  #ticketKeys: TicketKeys | undefined = undefined;
  /** By name and address: a listener that moves is another one. */
  #listeners = new Map<string, BoundSocket>();
  #leaving: BoundSocket[] = [];
  /** Of the present snapshot, by their keys. */
  #endpoints: ReadonlyMap<string, Endpoint> = new Map();
  readonly #departures = new Departures(this.#deadlines, (upstream, endpoint) =>
    this.#endpoints.get(seriesKey.endpoint(upstream, endpoint)),
  );
  /** Changes with the status of any endpoint. */
  #epoch: (() => number) | undefined = undefined;
  #seenEpoch = 0;

  constructor(start: WorkerStart, log: Log, tell: (message: FromWorker) => void) {
    this.#start = start;
    this.#log = log;
    this.#tell = tell;
    const turnEnd = new TurnEnd();
    this.#pools = new PoolSet({ clock: systemClock, random: systemRandom, deadlines: this.#deadlines, log, turnEnd });
    this.#accessLog = new AccessLog(log);
    const handle = createHandle(log, this.#loopDelay, this.#challengeAnswers);
    this.#listenerHost = {
      clock: systemClock,
      deadlines: this.#deadlines,
      log,
      departures: this.#departures,
      buckets: () => this.#buckets as KeyedTable,
      snapshot: () => this.#snapshot as Snapshot,
      handle,
      turnEnd,
      challenges: new ChallengeAcceptors(),
      wanted: new WantedCertificates(systemClock, (name) => tell({ type: 'wanted', name })),
      breached: (kind) => {
        if (this.#breaches) countBreach(this.#breaches, kind);
      },
      answer: (error, exchange) => answerFailure(exchange, error, log),
      record: (exchange, series) => this.#record(exchange, series),
    };
    setInterval(() => this.#sweep(), SWEEP_MS);
  }

  /** Compiles and binds what is new. Rejects when something fails; then nothing has changed. */
  async prepare(preparation: Preparation): Promise<void> {
    const { config, memory, listeners } = preparation;
    const host = this.#compileHost(memory);
    const snapshot = await compile(config, preparation.found, preparation.generation, host);
    this.#accessLog.prepare(config.logs.access, new OutputTurn(memory.accessLogTurn, this.#start.index));
    this.#buckets ??= new KeyedTable(memory.buckets);
    this.#ticketKeys ??= new TicketKeys(memory.ticketKeys);
    const added = new Map<string, BoundSocket>();
    const { certificates, authorities } = preparation;
    const terminations = terminationsOf(certificates, authorities, config, this.#ticketKeys);
    this.answerChallenges(preparation.challenges);
    this.#prepared = { snapshot, config, memory, added, listeners, terminations, authorities };
    try {
      for (const bound of listeners) {
        if (this.#listeners.has(identity(bound))) continue;
        const settings = listenerSettings(bound.name, config);
        const series = host.series(seriesKey.listener(bound.name));
        const address = { ...bound, shared: preparation.workers > 1, first: this.#start.index === 0 };
        const kind = bound.transport === 'udp' ? UdpListener : Listener;
        added.set(identity(bound), await kind.bind(address, settings, series, this.#listenerHost));
      }
    } catch (error) {
      this.discard();
      throw error;
    }
  }

  /** Puts what was prepared in use. */
  commit(): void {
    const prepared = this.#prepared;
    if (!prepared) return;
    this.#prepared = undefined;
    if (this.#snapshot) this.#former = [...this.#former, this.#snapshot];
    this.#snapshot = prepared.snapshot;
    this.#tellFormer();
    this.#config = prepared.config;
    this.#authorities = prepared.authorities;
    this.#own = this.#series(prepared.memory, seriesKey.workers);
    this.#errors = this.#series(prepared.memory, seriesKey.errors);
    this.#breaches = this.#series(prepared.memory, seriesKey.breaches);
    this.#accessLog.commit();
    this.#swapListeners(prepared);
    this.#epoch = epochReader(prepared.memory.endpoints);
    this.#takeEndpoints(prepared.snapshot);
  }

  /** Forgets what was prepared. */
  discard(): void {
    this.#accessLog.discard();
    for (const listener of this.#prepared?.added.values() ?? []) listener.drain();
    this.#prepared = undefined;
    if (this.#snapshot) this.#restorePools(this.#snapshot);
  }

  replaceEndpoints(name: string, addresses: readonly ResolvedEndpoint[], memory: MemoryLayout): void {
    const upstream = this.#snapshot?.upstreams.get(name);
    const config = this.#config?.upstreams[name];
    if (!upstream || !config || !this.#snapshot) return;
    upstream.endpoints = compileEndpoints(name, addresses, poolSettings(config), this.#compileHost(memory));
    this.#tellFormer();
    this.#takeEndpoints(this.#snapshot);
  }

  /** New handshakes get these certificates; connections that stand keep theirs. */
  replaceCertificates(certificates: ListenerCertificates): void {
    if (!this.#config || !this.#ticketKeys) return;
    const terminations = terminationsOf(certificates, this.#authorities, this.#config, this.#ticketKeys);
    for (const { state } of this.#listeners.values()) state.tls &&= terminations.get(state.name) ?? state.tls;
  }

  answerChallenges({ answers, certificates }: Challenges): void {
    this.#challengeAnswers.use(answers);
    this.#listenerHost.challenges.use(certificates);
  }

  /** Handshakes that wait for a certificate of this name go on. */
  settleWanted(name: string, found: boolean): void {
    this.#listenerHost.wanted.settle(name, found);
  }

  /** Accepts nothing more; resolves when the last connection has ended. */
  async drain(): Promise<void> {
    const listeners = [...this.#listeners.values(), ...this.#leaving];
    for (const listener of listeners) listener.drain();
    while (listeners.some(({ connections }) => connections > 0))
      await new Promise((resolve) => setTimeout(resolve, SWEEP_MS));
    await this.#accessLog.close();
  }

  abort(): void {
    for (const listener of [...this.#listeners.values(), ...this.#leaving]) listener.abort();
    this.#accessLog.hurry();
  }

  reopenLogs(): void {
    this.#accessLog.reopen();
  }

  /** Lets exchanges of former snapshots know the endpoints there are now: one may wait for just that. */
  #tellFormer(): void {
    for (const former of this.#former) {
      for (const [name, upstream] of former.upstreams)
        upstream.endpoints = this.#snapshot?.upstreams.get(name)?.endpoints ?? upstream.endpoints;
    }
  }

  /** Lets go of endpoints that there are no more. */
  #takeEndpoints(snapshot: Snapshot): void {
    this.#endpoints = endpointsOf(snapshot);
    this.#pools.keepOnly(this.#endpoints);
    this.#departures.look();
  }

  /** Compiling gives pools the settings of what it compiles, and makes those that are missing. */
  #restorePools(snapshot: Snapshot): void {
    for (const { name, pool, endpoints } of snapshot.upstreams.values()) {
      for (const endpoint of endpoints)
        this.#pools.transport(seriesKey.endpoint(name, endpoint.name), endpoint, pool, endpoint.series);
    }
    this.#pools.keepOnly(endpointsOf(snapshot));
  }

  #sweep(): void {
    // Once what has arrived is read: a worker that was late must not take its own delay for a peer's.
    setImmediate(() => this.#deadlines.sweep());
    this.#loopDelay.tick(systemClock.now());
    if (this.#own) noteWorker(this.#own, this.#deadlines.size, this.#loopDelay.standingMs);
    this.#lookAtEndpoints();
    if (this.#former.length > 0) this.#former = this.#former.filter(({ uses }) => uses > 0);
  }

  #lookAtEndpoints(): void {
    const epoch = this.#epoch?.() ?? 0;
    if (epoch === this.#seenEpoch) return;
    this.#seenEpoch = epoch;
    this.#departures.look();
  }

  #swapListeners({ added, listeners, config, memory, terminations }: Prepared): void {
    const next = new Map<string, BoundSocket>();
    for (const bound of listeners) {
      const key = identity(bound);
      const listener = (this.#listeners.get(key) ?? added.get(key)) as BoundSocket;
      listener.state.settings = listenerSettings(bound.name, config);
      listener.state.series = this.#series(memory, seriesKey.listener(bound.name));
      listener.state.tls = terminations.get(bound.name);
      next.set(key, listener);
      this.#listeners.delete(key);
    }
    for (const listener of this.#listeners.values()) {
      listener.drain();
      this.#leaving.push(listener);
    }
    this.#leaving = this.#leaving.filter(({ connections }) => connections > 0);
    this.#listeners = next;
    for (const listener of added.values()) listener.serve();
  }

  #compileHost(memory: MemoryLayout): CompileHost {
    const { index } = this.#start;
    return {
      clock: systemClock,
      random: systemRandom,
      timers: systemTimers,
      log: this.#log,
      buckets: new KeyedTable(memory.buckets),
      secret: memory.secret,
      series: (key) => this.#series(memory, key),
      cells: (key) => openEndpoint(memory.endpoints, index, slotsOf(memory, key).endpoint),
      upstream: (key) => openUpstream(memory.upstreams, index, slotsOf(memory, key).upstream),
      sessions: ({ key }) => openSessions(memory, key),
      epoch: epochReader(memory.endpoints),
      transport: (key, target, pool, series) => this.#pools.transport(key, target, pool, series),
      wake: (upstream) => this.#tell({ type: 'wake', upstream }),
      report: (upstream, endpoint, last) =>
        this.#tell({ type: 'failing', upstream: upstream.name, endpoint: endpoint.name, last }),
    };
  }

  #record(exchange: Exchange, listener: Series): void {
    if (exchange.error && this.#errors) countError(this.#errors, exchange.error.code);
    this.#accessLog.record(exchange, listener);
  }

  #series(memory: MemoryLayout, key: string): Series {
    return openSeries(memory.series.segments, this.#start.index, slotsOf(memory, key).series);
  }
}

function identity(bound: BoundListener): string {
  return `${bound.name} ${bound.transport} ${bound.host} ${bound.port} ${bound.socketPath}`;
}

function slotsOf(memory: MemoryLayout, key: string): Slots {
  const slots = memory.slots.get(key);
  if (!slots) throw new RangeError(`nothing was allotted for ${key}`);
  return slots;
}

function openSessions(memory: MemoryLayout, key: string): ExpiringTable {
  const buffer = memory.sessions.get(key);
  if (!buffer) throw new RangeError(`no table was allotted for ${key}`);
  return new ExpiringTable(buffer);
}

function endpointsOf(snapshot: Snapshot): ReadonlyMap<string, Endpoint> {
  const byKey = new Map<string, Endpoint>();
  for (const { name, endpoints } of snapshot.upstreams.values()) {
    for (const endpoint of endpoints) byKey.set(seriesKey.endpoint(name, endpoint.name), endpoint);
  }
  return byKey;
}
