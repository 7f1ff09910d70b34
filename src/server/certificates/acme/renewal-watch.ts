// Asks the ACME server again and again when it wants a certificate to be renewed (RFC 9773). What it says is only a suggestion: without
// an answer the certificate's age decides.
import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import type { Random } from '#lib/random.ts';
import type { Certificate } from '#model/certificate.ts';
import { renewalIdentifier } from '#server/certificates/x509.ts';
import type { AcmeClient } from './acme-client.ts';
import type { RenewalWindow } from './directory.ts';
import { retryDelay, timeByShare, timeInWindow, windowLife } from './renewal.ts';

export interface RenewalWatchHost {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly share: number;
  /** Rejects when there is no account yet or it cannot be had. */
  useClient<Result>(work: (client: AcmeClient) => Promise<Result>): Promise<Result>;
}

export class RenewalWatch {
  readonly #host: RenewalWatchHost;
  readonly #certificate: Certificate;
  /** What the server calls it by; '' when it has no name there. */
  readonly identifier: string;
  #renewAt: number;
  #askAt: number;
  #window: RenewalWindow | undefined = undefined;
  #failures = 0;

  constructor(certificate: Certificate, host: RenewalWatchHost) {
    this.#host = host;
    this.#certificate = certificate;
    this.identifier = renewalIdentifier(certificate.chain) ?? '';
    this.#renewAt = timeByShare(certificate, host.share, host.random);
    this.#askAt = this.identifier === '' ? Number.POSITIVE_INFINITY : host.clock.wall();
  }

  /** Milliseconds since 1970, as is `askAt`. */
  get renewAt(): number {
    return this.#renewAt;
  }

  /** When the server is to be asked; infinite where it never is. */
  get askAt(): number {
    return this.#askAt;
  }

  /** Asks the server; never rejects. */
  async ask(): Promise<void> {
    const { clock, random } = this.#host;
    const { identifier } = this;
    try {
      const found = await this.#host.useClient((client) =>
        client.renewalWindow(identifier, AbortSignal.timeout(60_000)),
      );
      this.#failures = 0;
      if (found) this.#take(found.window);
      // A server that offers nothing may do so one day: its directory is read anew once a day.
      this.#askAt = clock.wall() + windowLife(found?.retryAfterMs ?? 0);
    } catch (error) {
      // RFC 9773 section 4.3: errors that pass are tried again, later and later; "MUST" be within what a long one has, six hours.
      this.#failures++;
      this.#askAt = clock.wall() + retryDelay(this.#failures, 0, random);
      this.#host.log.debug('the renewal window of a certificate is not known', { reason: (error as Error).message });
    }
  }

  #take(window: RenewalWindow): void {
    const { random, log, clock } = this.#host;
    const before = this.#window;
    // The time within a window is chosen once: chosen anew with each answer, it would tend to the begin.
    if (before?.start === window.start && before.end === window.end) return;
    this.#window = window;
    this.#renewAt = timeInWindow(this.#certificate, window, random);
    const isEarly = before !== undefined && window.end < before.start;
    if (isEarly || this.#renewAt < clock.wall())
      log.info('the authority wants a certificate to be renewed early', {
        names: this.#certificate.names,
        explanation: window.explanation,
      });
  }
}
