// Holds exchanges of an upstream that is scaled to zero until it has an endpoint to take them, and asks for that. Calling the hook is
// the main thread's: see server/wake-hooks.ts.
import type { Clock } from '#lib/clock.ts';
import type { Random } from '#lib/random.ts';
import type { Timers } from '#lib/timers.ts';
import { ProxyError } from '#model/proxy-error.ts';
import type { Attempt, Sleeper, Upstream, WakeUp } from '#model/upstream.ts';
import { countNoEndpoint, countWaiting } from '#telemetry/series.ts';
import { candidates } from './candidates.ts';

export interface WakeUpOptions {
  readonly timeoutMs: number;
  readonly maxWaiting: number;
}

export interface WakeUpHost {
  readonly clock: Clock;
  readonly random: Random;
  /** Returns how to take the timer back. */
  readonly timers: Timers;
  /** Tells the main thread that the upstream is wanted. */
  ask(): void;
}

/** A change of health is a word in shared memory that tells nobody: it is looked at this often, while somebody waits. */
const LOOK_MS = 20;
/** The main thread is asked again after this time, and decides by the cool-down whether that calls the hook again. */
const ASK_MS = 1000;

interface Held {
  readonly upstream: Upstream;
  readonly sleeper: Sleeper;
  /** `Clock.now` at which it has waited long enough. */
  readonly until: number;
}

export class WaitingRoom implements WakeUp {
  readonly #options: WakeUpOptions;
  readonly #host: WakeUpHost;
  /** In the order in which they came, and so of their deadlines. */
  readonly #held = new Set<Held>();
  /** Whether a timer runs: it may outlast those for whom it was set. */
  #isLooking = false;
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(options: WakeUpOptions, host: WakeUpHost) {
    this.#options = options;
    this.#host = host;
  }

  hold(upstream: Upstream, sleeper: Sleeper): Attempt | ProxyError {
    const { timeoutMs, maxWaiting } = this.#options;
    const { exchange } = sleeper;
    // Whoever was let go, and found the endpoint gone again, does not wait anew.
    if (exchange.phase === 'waking') return notAwake(upstream, 'its endpoint was gone again');
    if (this.#held.size >= maxWaiting) return notAwake(upstream, 'too many requests wait for it already');
    exchange.phase = 'waking';
    const held = { upstream, sleeper, until: this.#host.clock.now() + timeoutMs };
    this.#held.add(held);
    this.#lookAgain();
    countWaiting(upstream.series, 1);
    this.#ask();
    return { cancel: () => this.#leave(held) };
  }

  #look(): void {
    const now = this.#host.clock.now();
    for (const held of this.#held) {
      const { upstream, sleeper, until } = held;
      if (candidates(upstream, sleeper.exchange, [], this.#host.random).length > 0) {
        this.#leave(held);
        sleeper.resume();
      } else if (now >= until) {
        this.#leave(held);
        sleeper.fail(notAwake(upstream, 'no endpoint became usable in time'));
      }
    }
    if (this.#held.size === 0) return;
    this.#ask();
    this.#lookAgain();
  }

  #lookAgain(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.#host.timers.set(() => {
      this.#isLooking = false;
      this.#look();
    }, LOOK_MS);
  }

  #ask(): void {
    const now = this.#host.clock.now();
    if (now - this.#askedAt < ASK_MS) return;
    this.#askedAt = now;
    this.#host.ask();
  }

  #leave(held: Held): void {
    if (this.#held.delete(held)) countWaiting(held.upstream.series, -1);
  }
}

function notAwake(upstream: Upstream, reason: string): ProxyError {
  countNoEndpoint(upstream.series);
  return new ProxyError('upstream-waking', `${upstream.name} was asleep and ${reason}`);
}
