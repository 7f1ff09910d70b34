// One certificate by ACME over its whole life: found in the store, issued, renewed in time, tried again after failures. How it is got is
// in `obtain.ts`.
import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import type { Random } from '#lib/random.ts';
import type { Timers } from '#lib/timers.ts';
import type { Certificate } from '#model/certificate.ts';
import { joinPair, splitPair } from '#server/certificates/pem-pair.ts';
import { readCertificate } from '#server/certificates/read-certificate.ts';
import type { CertificateStore } from '#server/certificates/store.ts';
import type { CertificateAndKey } from '#server/certificates/x509.ts';
import { AcmeError } from './acme-error.ts';
import { type Attempts, NO_ATTEMPTS, readAttempts, writeAttempts } from './attempts.ts';
import { retryDelay } from './renewal.ts';
import { RenewalWatch, type RenewalWatchHost } from './renewal-watch.ts';

/** Clocks may be set, and machines may sleep: nobody relies on a timer for longer. */
const MAX_TIMER_MS = 6 * 3_600_000;
/** When another gateway is at work on the same certificate. */
const LOCKED_MS = 30_000;

export interface ManagedHost {
  readonly store: CertificateStore;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Log;
  readonly watch: RenewalWatchHost;
  /** Gets a certificate; `replaces` is what the server calls the old one by, '' for none. */
  obtain(replaces: string): Promise<CertificateAndKey>;
  advise(error: unknown): string;
  /** There is another certificate; resolves when it is in use. */
  changed(): Promise<void>;
  counted(result: 'issued' | 'failed'): void;
}

export interface ManagedStatus {
  /** When the next attempt comes, in milliseconds since 1970. */
  readonly nextAttempt: number;
  readonly failures: number;
  /** Why the last attempt failed; '' when it did not. */
  readonly reason: string;
}

export class ManagedCertificate {
  readonly names: readonly string[];
  /** In the store, without extension. */
  readonly place: string;
  readonly #host: ManagedHost;
  #current: Certificate | undefined = undefined;
  #watch: RenewalWatch | undefined = undefined;
  #attempts: Attempts = NO_ATTEMPTS;
  #attempting: Promise<void> | undefined = undefined;
  #cancel: () => void = () => {};
  #isStopped = false;

  constructor(names: readonly string[], place: string, host: ManagedHost) {
    this.names = names;
    this.place = place;
    this.#host = host;
  }

  /** The one to be presented; `undefined` until there is one, and when it has expired. */
  get current(): Certificate | undefined {
    return this.#current && this.#current.notAfter > this.#host.clock.wall() ? this.#current : undefined;
  }

  get status(): ManagedStatus {
    const { failures, reason } = this.#attempts;
    return { nextAttempt: this.#dueAt, failures, reason };
  }

  /** Takes what the store has. Never asks the network. */
  async load(): Promise<void> {
    this.#attempts = await readAttempts(this.#host.store, this.place);
    await this.#loadPair();
  }

  /** Issues and renews from now on, in the background. */
  start(): void {
    this.#schedule();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  /** Renews now, whatever the time. Rejects with why it could not; the one there is stays in use then. */
  async renew(): Promise<void> {
    this.#attempts = NO_ATTEMPTS;
    await this.#attempt('asked').finally(() => this.#schedule());
  }

  /** Issues now, unless it is too early after a failure. Rejects with why there is none. */
  async issue(): Promise<void> {
    if (this.current) return await this.#host.changed();
    const { next, reason } = this.#attempts;
    if (next > this.#host.clock.wall()) throw new Error(`not before ${isoTime(next)}: ${reason}`);
    await this.#attempt('due');
  }

  get #dueAt(): number {
    return Math.max(this.current ? (this.#watch?.renewAt ?? 0) : 0, this.#attempts.next);
  }

  #schedule(): void {
    if (this.#isStopped) return;
    const { clock, timers } = this.#host;
    const now = clock.wall();
    const dueAt = Math.min(this.#dueAt, Math.max(this.#watch?.askAt ?? Number.POSITIVE_INFINITY, now));
    this.#cancel();
    this.#cancel = timers.set(() => void this.#tick(), Math.min(MAX_TIMER_MS, Math.max(0, dueAt - now)));
  }

  async #tick(): Promise<void> {
    const { clock } = this.#host;
    if (this.#watch && this.#watch.askAt <= clock.wall()) await this.#watch.ask();
    if (this.#dueAt <= clock.wall()) {
      // It says itself what goes wrong.
      await this.#attempt('due').catch(() => {});
    }
    this.#schedule();
  }

  /** One attempt at a time: who comes meanwhile waits for the same. */
  #attempt(cause: 'due' | 'asked'): Promise<void> {
    this.#attempting ??= this.#attemptOnce(cause).finally(() => {
      this.#attempting = undefined;
    });
    return this.#attempting;
  }

  async #attemptOnce(cause: 'due' | 'asked'): Promise<void> {
    const release = await this.#orFail(() => this.#host.store.lock(this.place));
    if (!release) {
      this.#attempts = { ...this.#attempts, next: this.#host.clock.wall() + LOCKED_MS };
      // What the other one has done until now may be all that is needed.
      await this.#adoptStored();
      if (cause === 'asked') throw new Error('another gateway on the same folder is at work on it');
      return;
    }
    try {
      await this.#orFail(async () => {
        if (cause === 'asked' || !(await this.#adoptStored())) await this.#issue();
      });
    } finally {
      await release();
    }
  }

  async #orFail<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      await this.#failed(error);
      throw error;
    }
  }

  /** Whether another gateway on the same store has put a newer one there. */
  async #adoptStored(): Promise<boolean> {
    const before = this.#current?.fingerprint;
    await this.#loadPair();
    if (this.#current === undefined || this.#current.fingerprint === before) return false;
    if (this.#dueAt <= this.#host.clock.wall()) return false;
    this.#attempts = NO_ATTEMPTS;
    await this.#host.changed();
    return true;
  }

  async #issue(): Promise<void> {
    const { store, log } = this.#host;
    const pair = await this.#host.obtain(this.current ? (this.#watch?.identifier ?? '') : '');
    const certificate = readCertificate(pair.chain, pair.key);
    await store.write(`${this.place}.pem`, joinPair(pair));
    await writeAttempts(store, this.place, NO_ATTEMPTS);
    const wasRenewed = this.#current !== undefined;
    this.#attempts = NO_ATTEMPTS;
    this.#take(certificate);
    this.#host.counted('issued');
    await this.#host.changed();
    log.info(wasRenewed ? 'a certificate was renewed' : 'a certificate was issued', {
      names: this.names,
      notAfter: isoTime(certificate.notAfter),
      nextRenewal: isoTime(this.#dueAt),
    });
  }

  async #failed(error: unknown): Promise<void> {
    if (this.#isStopped) return;
    const { store, clock, random, log } = this.#host;
    const wantedMs = error instanceof AcmeError ? error.retryAfterMs : 0;
    const failures = this.#attempts.failures + 1;
    const reason = (error as Error).message;
    this.#attempts = { failures, reason, next: clock.wall() + retryDelay(failures, wantedMs, random) };
    this.#host.counted('failed');
    const advice = this.#host.advise(error);
    const { current } = this;
    log.error(
      current ? 'a certificate could not be renewed; the one there is stays' : 'a certificate could not be issued',
      {
        names: this.names,
        reason,
        ...(advice !== '' && { advice }),
        ...(current && { notAfter: isoTime(current.notAfter) }),
        failures,
        nextAttempt: isoTime(this.#attempts.next),
      },
    );
    await writeAttempts(store, this.place, this.#attempts).catch(() => {
      // A store that cannot be written to is what has failed already.
    });
  }

  async #loadPair(): Promise<void> {
    const { store, log } = this.#host;
    const text = await store.read(`${this.place}.pem`);
    if (text === undefined) return;
    try {
      const pair = splitPair(text);
      if (!pair) throw new Error('holds no key');
      const certificate = readCertificate(pair.chain, pair.key);
      if (certificate.fingerprint !== this.#current?.fingerprint) this.#take(certificate);
    } catch (error) {
      const file = `${this.place}.pem`;
      log.warn('a kept certificate cannot be used; it will be issued anew', { file, reason: (error as Error).message });
    }
  }

  #take(certificate: Certificate): void {
    this.#current = certificate;
    this.#watch = new RenewalWatch(certificate, this.#host.watch);
  }
}

function isoTime(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
