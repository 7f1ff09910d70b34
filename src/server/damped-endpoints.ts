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

export class DampedEndpoints {
  readonly #host: DampingHost;
  readonly #onChange: () => void;
  #damping: Damping;
  #found: readonly ResolvedEndpoint[] = [];
  /** What is no longer found, by address, and until when it stays. */
  readonly #held = new Map<string, { readonly endpoint: ResolvedEndpoint; readonly untilMs: number }>();
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
    this.#hold(found);
    this.#found = found;
    this.#schedule(this.#changedAtMs + this.#damping.throttleMs);
  }

  /** The same without waiting: for answers that are the first. */
  offerFirst(found: readonly ResolvedEndpoint[]): void {
    this.#hold(found);
    this.#found = found;
    this.#publish();
  }

  stop(): void {
    this.#clearTimer?.();
    this.#clearTimer = undefined;
  }

  #hold(found: readonly ResolvedEndpoint[]): void {
    const { holdMs } = this.#damping;
    const untilMs = this.#host.now() + holdMs;
    const addresses = new Set(found.map(formatAddress));
    for (const address of addresses) this.#held.delete(address);
    if (holdMs === 0) return;
    for (const endpoint of this.#found) {
      const address = formatAddress(endpoint);
      if (!addresses.has(address)) this.#held.set(address, { endpoint, untilMs });
    }
  }

  #schedule(atMs: number): void {
    this.stop();
    const delayMs = atMs - this.#host.now();
    if (delayMs <= 0) this.#publish();
    else this.#clearTimer = this.#host.setTimer(() => this.#publish(), delayMs);
  }

  #publish(): void {
    this.stop();
    const now = this.#host.now();
    for (const [address, { untilMs }] of this.#held) if (untilMs <= now) this.#held.delete(address);
    const held = [...this.#held.values()];
    const next = [...this.#found, ...held.map(({ endpoint }) => endpoint)];
    if (JSON.stringify(next) !== JSON.stringify(this.#current)) {
      this.#current = next;
      this.#changedAtMs = now;
      this.#onChange();
    }
    if (held.length > 0) this.#schedule(Math.min(...held.map(({ untilMs }) => untilMs)));
  }
}
