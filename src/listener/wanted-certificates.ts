// Handshakes that wait for a certificate which is issued on demand. Who may have one is not decided here.
import type { Clock } from '#lib/clock.ts';

/** Beyond these nobody waits: who asks for names by the thousand gets no more than this of us. */
const MAX_NAMES = 256;
const MAX_WAITING = 4096;
/** A name that was refused is not asked about again for so long. */
const REFUSED_MS = 60_000;
const MAX_REFUSED = 10_000;

export class WantedCertificates {
  readonly #clock: Clock;
  readonly #tell: (name: string) => void;
  readonly #waiting = new Map<string, (() => void)[]>();
  /** By `Clock.now`: until when. The oldest first. */
  readonly #refused = new Map<string, number>();
  #count = 0;

  /** `tell` is called once for each name that somebody waits for; `settle` answers it. */
  constructor(clock: Clock, tell: (name: string) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  /** Calls back when there is a certificate for the name, or there will be none: at once where nobody may wait. */
  wait(name: string, settled: () => void): void {
    const waiting = this.#waiting.get(name);
    if (this.#isRefused(name) || this.#count >= MAX_WAITING || (!waiting && this.#waiting.size >= MAX_NAMES)) {
      settled();
      return;
    }
    this.#count++;
    if (waiting) {
      waiting.push(settled);
      return;
    }
    this.#waiting.set(name, [settled]);
    this.#tell(name);
  }

  /** `found`: whether there is a certificate now. */
  settle(name: string, found: boolean): void {
    const waiting = this.#waiting.get(name) ?? [];
    this.#waiting.delete(name);
    this.#count -= waiting.length;
    if (!found) this.#refuse(name);
    for (const settled of waiting) settled();
  }

  #isRefused(name: string): boolean {
    const until = this.#refused.get(name);
    if (until === undefined) return false;
    if (until > this.#clock.now()) return true;
    this.#refused.delete(name);
    return false;
  }

  #refuse(name: string): void {
    this.#refused.delete(name);
    this.#refused.set(name, this.#clock.now() + REFUSED_MS);
    const [oldest] = this.#refused.keys();
    if (this.#refused.size > MAX_REFUSED && oldest !== undefined) this.#refused.delete(oldest);
  }
}
