// The HTTP/1.1 connections of one worker to one endpoint: which are idle, who waits for one. Not for what is sent on them.

import type { Clock } from '#lib/clock.ts';
import type { Deadlined, DeadlineEntry, Deadlines } from '#lib/deadlines.ts';
import type { Log } from '#lib/log.ts';
import { Queue, type Queued } from '#lib/queue.ts';
import type { Random } from '#lib/random.ts';
import type { TurnEnd } from '#lib/turn-end.ts';
import type { Series } from '#memory/series-table.ts';
import type { ByteStream } from '#model/byte-stream.ts';
import { ProxyError } from '#model/proxy-error.ts';
import type { PoolSettings } from '#model/upstream.ts';
import type { ConnectTarget } from '#net/tcp-stream.ts';
import { countConnection, countWaiting } from '#telemetry/series.ts';
import { EndpointConnector } from './endpoint-connector.ts';
import type { Http1Attempt } from './http1-attempt.ts';
import { OriginConnection } from './origin-connection.ts';

/** A request that must not be sent twice takes no connection that was idle for longer: the origin may be about to close it. */
const FRESH_ENOUGH_MS = 1000;

/** What all pools of a worker share. */
export interface PoolHost {
  readonly clock: Clock;
  readonly random: Random;
  readonly deadlines: Deadlines;
  readonly log: Log;
  readonly turnEnd: TurnEnd;
}

export class EndpointPool {
  readonly connector: EndpointConnector;
  readonly host: PoolHost;
  #settings: PoolSettings;
  readonly #idle: OriginConnection[] = [];
  readonly #waiting = new Queue<Waiter>();
  readonly series: Series;
  #connections = 0;
  #retired = false;

  constructor(target: ConnectTarget, settings: PoolSettings, series: Series, host: PoolHost) {
    this.connector = new EndpointConnector(target);
    this.connector.configure(settings.tls);
    this.#settings = settings;
    this.series = series;
    this.host = host;
  }

  /** Settings of the newest configuration. */
  get settings(): PoolSettings {
    return this.#settings;
  }

  get connections(): number {
    return this.#connections;
  }

  /** Whether another connection may be opened. */
  get hasRoom(): boolean {
    return this.#connections < this.settings.maxConnections;
  }

  get idle(): number {
    return this.#idle.length;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Gives the attempt a connection, now or as soon as one is free; fails it when too many wait already. */
  assign(attempt: Http1Attempt): void {
    if (attempt.ended) return;
    const reusable = attempt.mayReuse ? this.#takeIdle(attempt.repeatable) : undefined;
    if (reusable) {
      if (attempt.repeatable) reusable.start(attempt);
      else reusable.wake(attempt);
    } else if (this.hasRoom || this.#closeOneIdle()) {
      this.#open(attempt);
    } else if (this.#waiting.size < this.settings.maxWaiting) {
      attempt.waiter = new Waiter(this, attempt);
      this.#waiting.push(attempt.waiter);
      countWaiting(this.series, 1);
    } else {
      attempt.fail(new ProxyError('connection_limit_reached', 'the connection limit and the waiting queue are full'));
    }
  }

  /** Takes a connection back that is ready for another request. */
  release(connection: OriginConnection): void {
    // Who needs a new connection gets it when this one is gone.
    if (this.#waiting.first?.attempt.mayReuse === false) {
      connection.close();
      return;
    }
    const waiter = this.#nextWaiter();
    if (waiter) {
      if (waiter.attempt.repeatable) connection.start(waiter.attempt);
      else connection.wake(waiter.attempt);
    } else if (this.#retired || this.#idle.length >= this.settings.maxIdle) {
      connection.close();
    } else {
      this.#idle.push(connection);
      connection.rest(this.settings.idleTimeoutMs);
    }
  }

  /** Closes an idle connection; nobody is given it any more. */
  discard(connection: OriginConnection): void {
    this.#removeIdle(connection);
    connection.close();
  }

  /** A connection is gone. */
  forget(connection: OriginConnection): void {
    this.#removeIdle(connection);
    this.dismiss();
  }

  /** Counts a connection that is opened and kept outside the pool; returns whether there is room for it. */
  admit(): boolean {
    if (!this.hasRoom && !this.#closeOneIdle()) return false;
    this.#connections++;
    countConnection(this.series, 1);
    return true;
  }

  /** A connection that was admitted is gone: there is room for who waits. */
  dismiss(): void {
    this.#connections--;
    countConnection(this.series, -1);
    if (!this.hasRoom) return;
    const waiter = this.#nextWaiter();
    if (waiter) this.#open(waiter.attempt);
  }

  /** Takes over a connection that was opened and counted by `admit`, for an attempt if there still is one. */
  adopt(stream: ByteStream, attempt: Http1Attempt | undefined): void {
    new OriginConnection(this).adopt(stream, attempt);
  }

  /** Takes an attempt that gave up out of the queue. */
  withdraw(attempt: Http1Attempt): void {
    const { waiter } = attempt;
    if (waiter && this.#waiting.remove(waiter)) this.#unqueue(waiter);
  }

  /** The endpoint is no longer part of the configuration: closes what is idle, and all others when they are done. */
  retire(): void {
    this.#retired = true;
    this.closeIdle();
  }

  closeIdle(): void {
    for (const connection of this.#idle.splice(0)) connection.close();
  }

  /** The endpoint is part of the configuration again. */
  revive(settings: PoolSettings): void {
    this.#settings = settings;
    this.#retired = false;
    this.connector.configure(settings.tls);
  }

  #removeIdle(connection: OriginConnection): void {
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
  }

  #open(attempt: Http1Attempt): void {
    this.#connections++;
    countConnection(this.series, 1);
    new OriginConnection(this).connect(attempt);
  }

  #takeIdle(repeatable: boolean): OriginConnection | undefined {
    const idle = this.#idle;
    while (idle.at(-1)?.isWornOut) idle.pop()?.close();
    if (repeatable) return idle.pop();
    const newest = idle.at(-1);
    if (!newest || this.host.clock.now() - newest.idleSince > FRESH_ENOUGH_MS) return undefined;
    return idle.pop();
  }

  /** Makes room when only connections that the attempt may not use stand in its way. */
  #closeOneIdle(): boolean {
    const oldest = this.#idle.shift();
    oldest?.close();
    return oldest !== undefined;
  }

  #nextWaiter(): Waiter | undefined {
    const waiter = this.#waiting.shift();
    if (waiter) this.#unqueue(waiter);
    return waiter;
  }

  #unqueue(waiter: Waiter): void {
    waiter.attempt.waiter = undefined;
    this.host.deadlines.clear(waiter);
    countWaiting(this.series, -1);
  }
}

/** An attempt in the queue, with the deadline it waits under. */
export class Waiter implements Deadlined, Queued<Waiter> {
  readonly attempt: Http1Attempt;
  deadline: DeadlineEntry | undefined = undefined;
  before: Waiter | undefined = undefined;
  behind: Waiter | undefined = undefined;
  readonly #pool: EndpointPool;

  constructor(pool: EndpointPool, attempt: Http1Attempt) {
    this.#pool = pool;
    this.attempt = attempt;
    pool.host.deadlines.set(this, pool.settings.waitTimeoutMs);
  }

  onDeadline(): void {
    this.#pool.withdraw(this.attempt);
    this.attempt.fail(new ProxyError('connection_limit_reached', 'no connection became free in time'));
  }
}
