// A simulated endpoint and the connections to it: takes the place of upstream/endpoint-transport.ts, and answers as its behaviour says.
import { Fields } from '#http/fields.ts';
import type { Random } from '#lib/random.ts';
import type { Exchange } from '#model/exchange.ts';
import type { Response } from '#model/message.ts';
import { type ErrorCode, ProxyError } from '#model/proxy-error.ts';
import type { Attempt, AttemptListener, Endpoint, PoolSettings, Transport, Upstream } from '#model/upstream.ts';
import { type Behaviour, isWithin } from './behaviour.ts';
import type { Samples } from './samples.ts';
import type { VirtualTime } from './virtual-time.ts';

/** The status in the row of an attempt that the gateway gave up: neither a success nor a failure of the endpoint. */
export const CANCELLED = 499;

/** Until a refused connection is known. */
const REFUSAL_MS = 1;

export interface SimulatedEndpointHost {
  readonly time: VirtualTime;
  readonly random: Random;
  /** Gets a row for each attempt. */
  readonly attempts: Samples;
}

export class SimulatedEndpoint implements Transport {
  readonly behaviour: Behaviour;
  readonly host: SimulatedEndpointHost;
  /** Its number in the rows of samples. */
  readonly index: number;
  readonly #pool: PoolSettings;
  /** Attempts that wait for a connection, in their order. */
  readonly #waiting: SimulatedAttempt[] = [];
  /** Attempts that have a connection. */
  readonly #connected = new Set<SimulatedAttempt>();
  /** Those of them that wait until the endpoint has a hand free, in their order. */
  readonly #queue: SimulatedAttempt[] = [];
  #busy = 0;

  constructor(index: number, behaviour: Behaviour, pool: PoolSettings, host: SimulatedEndpointHost) {
    this.index = index;
    this.behaviour = behaviour;
    this.#pool = pool;
    this.host = host;
    for (const { fromMs } of behaviour.down) host.time.set(() => this.#goDown(), fromMs);
  }

  get isDown(): boolean {
    return isWithin(this.behaviour.down, this.host.time.now());
  }

  send(_exchange: Exchange, upstream: Upstream, endpoint: Endpoint, listener: AttemptListener): Attempt {
    const attempt = new SimulatedAttempt(this, upstream, endpoint, listener);
    const { maxConnections, maxWaiting, waitTimeoutMs } = this.#pool;
    if (this.#connected.size < maxConnections) {
      this.#connect(attempt);
    } else if (this.#waiting.length < maxWaiting) {
      this.#waiting.push(attempt);
      attempt.failAfter(waitTimeoutMs, 'connection_limit_reached');
    } else {
      attempt.fail('connection_limit_reached');
    }
    return attempt;
  }

  /** The attempt has ended: its place is free for another. */
  leave(attempt: SimulatedAttempt): void {
    if (attempt.isServed) this.#busy--;
    else remove(this.#queue, attempt);
    if (this.#connected.delete(attempt)) {
      const waiter = this.#waiting.shift();
      if (waiter) this.#connect(waiter);
    } else {
      remove(this.#waiting, attempt);
    }
    this.#serveNext();
  }

  #connect(attempt: SimulatedAttempt): void {
    this.#connected.add(attempt);
    if (this.isDown) {
      attempt.failAfter(REFUSAL_MS, 'connection_refused');
      return;
    }
    attempt.sent();
    this.#queue.push(attempt);
    this.#serveNext();
  }

  #serveNext(): void {
    while (this.#busy < this.behaviour.capacity) {
      const attempt = this.#queue.shift();
      if (!attempt) return;
      this.#busy++;
      attempt.serve();
    }
  }

  /** Whoever has a connection loses it. */
  #goDown(): void {
    for (const attempt of [...this.#connected]) attempt.fail('connection_terminated');
  }
}

class SimulatedAttempt implements Attempt {
  /** Whether the endpoint has begun to work on it. */
  isServed = false;
  readonly #at: SimulatedEndpoint;
  readonly #upstream: Upstream;
  readonly #endpoint: Endpoint;
  readonly #listener: AttemptListener;
  readonly #startedAt: number;
  #sentAt = 0;
  #clearTimer: (() => void) | undefined = undefined;
  #ended = false;

  constructor(at: SimulatedEndpoint, upstream: Upstream, endpoint: Endpoint, listener: AttemptListener) {
    this.#at = at;
    this.#upstream = upstream;
    this.#endpoint = endpoint;
    this.#listener = listener;
    this.#startedAt = at.host.time.now();
    endpoint.cells.begin();
  }

  /** The request is on its way: the endpoint has so long to answer. */
  sent(): void {
    this.#sentAt = this.#at.host.time.now();
    this.failAfter(this.#upstream.timeouts.firstByteMs, 'connection_read_timeout');
  }

  /** The endpoint begins to work on it. */
  serve(): void {
    const { behaviour, host } = this.#at;
    this.isServed = true;
    const now = host.time.now();
    const mean = behaviour.latencyAt(now);
    const serviceMs = behaviour.spread === 'none' ? mean : -Math.log(1 - host.random()) * mean;
    const fate = host.random();
    if (now + serviceMs >= this.#sentAt + this.#upstream.timeouts.firstByteMs) return;
    if (fate < behaviour.resetsAt(now)) this.failAfter(serviceMs, 'connection_terminated');
    else
      this.#after(serviceMs, () => this.#respond(fate < behaviour.resetsAt(now) + behaviour.errorsAt(now) ? 503 : 200));
  }

  failAfter(ms: number, code: ErrorCode): void {
    this.#after(ms, () => this.fail(code));
  }

  fail(code: ErrorCode): void {
    if (!this.#end(0)) return;
    this.#listener.failed(new ProxyError(code));
  }

  cancel(): void {
    this.#end(CANCELLED);
  }

  #respond(status: number): void {
    if (!this.#end(status)) return;
    this.#listener.responded(responseOf(status));
  }

  /** There is one timer at a time: each step replaces that of the one before. */
  #after(ms: number, callback: () => void): void {
    this.#clearTimer?.();
    this.#clearTimer = this.#at.host.time.set(callback, ms);
  }

  #end(status: number): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    this.#clearTimer?.();
    this.#endpoint.cells.end();
    const { host, index } = this.#at;
    host.attempts.add({ startMs: this.#startedAt, endMs: host.time.now(), endpoint: index, status });
    this.#at.leave(this);
    return true;
  }
}

function responseOf(status: number): Response {
  return { status, reason: '', fields: new Fields(), length: 0, body: undefined, tunnel: undefined };
}

function remove(attempts: SimulatedAttempt[], attempt: SimulatedAttempt): void {
  const at = attempts.indexOf(attempt);
  if (at >= 0) attempts.splice(at, 1);
}
