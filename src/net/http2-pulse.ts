// Finds out that an HTTP/2 connection is dead though nobody has said so: asks with a PING when there is reason to, or when nothing has come
// for a while.
import type { Deadlined, DeadlineEntry, Deadlines } from '#lib/deadlines.ts';

export interface PulseSettings {
  /** Without a byte, after which the peer is asked; `undefined` for never. */
  readonly pingIntervalMs: number | undefined;
  /** For the answer. */
  readonly pingTimeoutMs: number;
}

export interface PulseOwner {
  /** Sends a PING. */
  ping(): void;
  /** It was not answered in time. */
  isDead(): void;
}

export class Http2Pulse implements Deadlined {
  deadline: DeadlineEntry | undefined = undefined;
  readonly #owner: PulseOwner;
  readonly #deadlines: Deadlines;
  /** The newest settings. */
  readonly #settings: () => PulseSettings;
  /** Whether anything has come since the deadline was set. */
  #heard = false;
  #isAsked = false;

  constructor(owner: PulseOwner, deadlines: Deadlines, settings: () => PulseSettings) {
    this.#owner = owner;
    this.#deadlines = deadlines;
    this.#settings = settings;
  }

  /** The connection stands. */
  start(): void {
    const { pingIntervalMs } = this.#settings();
    this.#isAsked = false;
    this.#heard = false;
    if (pingIntervalMs !== undefined) this.#deadlines.set(this, pingIntervalMs);
  }

  /** Something has come. */
  heard(): void {
    this.#heard = true;
  }

  /** Something has not come that should have. */
  suspect(): void {
    if (!this.#isAsked) this.#ask();
  }

  stop(): void {
    this.#deadlines.clear(this);
  }

  onDeadline(): void {
    if (this.#heard) this.start();
    else if (this.#isAsked) this.#owner.isDead();
    else this.#ask();
  }

  #ask(): void {
    this.#isAsked = true;
    this.#heard = false;
    this.#owner.ping();
    this.#deadlines.set(this, this.#settings().pingTimeoutMs);
  }
}
