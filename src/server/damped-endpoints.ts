// The endpoints that resolvers found for one upstream, damped: changes in quick succession become one, and endpoints that vanish
// are held for a while where that is wished. Main thread only.
import type { ResolvedEndpoint } from '#model/resolver.ts';
import { formatAddress } from '#schema/address.ts';

export interface Damping {
  /** At least this long between two changes. */
  readonly throttleMs: number;
  /** How long an endpoint stays that is no longer found. */
  readonly holdMs: number;
}

export interface DampingHost {
  readonly now: () => number;
  /** Returns how to take the timer back. */
  setTimer(callback: () => void, delayMs: number): () => void;
}

/** An endpoint that is no longer found. */
interface Held {
  readonly endpoint: ResolvedEndpoint;
  /** Where it stands among the others. */
  readonly place: number;
  readonly untilMs: number;
}

export class DampedEndpoints {
  readonly #host: DampingHost;
  readonly #onChange: () => void;
  #damping: Damping;
  #found: readonly ResolvedEndpoint[] = [];
  /** By address. */
  readonly #held = new Map<string, Held>();
  #current: readonly ResolvedEndpoint[] = [];
  #changedAtMs = Number.NEGATIVE_INFINITY;
  #clearTimer: (() => void) | undefined = undefined;

  constructor(damping: Damping, host: DampingHost, onChange: () => void) {
    this.#damping = damping;
    this.#host = host;
    this.#onChange = onChange;
  }

  /** The endpoints in use. */
  get current(): readonly ResolvedEndpoint[] {
    return this.#current;
  }

  configure(damping: Damping): void {
    this.#damping = damping;
  }

  /** Puts what is found now in use, at once or when it is time. */
  offer(found: readonly ResolvedEndpoint[]): void {
    this.#take(found);
    this.stop();
    const delayMs = this.#changedAtMs + this.#damping.throttleMs - this.#host.now();
    if (delayMs <= 0) this.#publish();
    else this.#clearTimer = this.#host.setTimer(() => this.#publish(), delayMs);
  }

  /** The same without waiting: for answers that are the first. */
  offerFirst(found: readonly ResolvedEndpoint[]): void {
    this.#take(found);
    this.#publish();
  }

  /** Puts other endpoints in use at once, without a call back: for who asks right after. Those that they replace are not held. */
  replace(found: readonly ResolvedEndpoint[]): void {
    this.#found = found;
    for (const endpoint of found) this.#held.delete(formatAddress(endpoint));
    this.#renew();
  }

  stop(): void {
    this.#clearTimer?.();
    this.#clearTimer = undefined;
  }

  #take(found: readonly ResolvedEndpoint[]): void {
    this.#found = found;
    const { holdMs } = this.#damping;
    const untilMs = this.#host.now() + holdMs;
    const addresses = new Set(found.map(formatAddress));
    for (const address of addresses) this.#held.delete(address);
    if (holdMs === 0) return;
    // Only what was in use: what comes and goes within the time of the throttle is never put in use.
    for (const [place, endpoint] of this.#current.entries()) {
      const address = formatAddress(endpoint);
      if (!addresses.has(address) && !this.#held.has(address)) this.#held.set(address, { endpoint, place, untilMs });
    }
  }

  #publish(): void {
    if (this.#renew()) this.#onChange();
  }

  /** Works out what is in use now; returns whether that is something else. */
  #renew(): boolean {
    this.stop();
    const now = this.#host.now();
    for (const [address, { untilMs }] of this.#held) if (untilMs <= now) this.#held.delete(address);
    const held = [...this.#held.values()].sort((a, b) => a.place - b.place);
    if (held.length > 0) {
      const delayMs = Math.min(...held.map(({ untilMs }) => untilMs)) - now;
      this.#clearTimer = this.#host.setTimer(() => this.#publish(), delayMs);
    }
    const next = [...this.#found];
    for (const { endpoint, place } of held) next.splice(place, 0, endpoint);
    if (JSON.stringify(next) === JSON.stringify(this.#current)) return false;
    this.#current = next;
    this.#changedAtMs = now;
    return true;
  }
}
