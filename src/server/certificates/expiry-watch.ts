// Warns of certificates that are about to expire: whoever renews them has forgotten to, or cannot.
import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import type { Certificate } from '#model/certificate.ts';

const DAY_MS = 24 * 3_600_000;
/** With so many days left, and at the end. */
const WARNINGS_DAYS = [14, 7, 1, 0];
/** One that is issued for a few days is not about to expire all its life. */
const MAX_SHARE = 1 / 3;

export interface InUse {
  readonly listener: string;
  readonly certificate: Certificate;
}

export class ExpiryWatch {
  readonly #clock: Clock;
  readonly #log: Log;
  /** By listener and fingerprint: the warning that was given last, in days. */
  #warned: ReadonlyMap<string, number> = new Map();

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** To be called now and then. Each warning of a certificate is given once. */
  look(inUse: readonly InUse[]): void {
    const now = this.#clock.wall();
    const next = new Map<string, number>();
    for (const { listener, certificate } of inUse) {
      const key = `${listener} ${certificate.fingerprint}`;
      const due = warningFor(certificate, now);
      if (due === undefined) continue;
      if (due < (this.#warned.get(key) ?? Number.POSITIVE_INFINITY)) this.#warn(listener, certificate, now);
      next.set(key, due);
    }
    this.#warned = next;
  }

  #warn(listener: string, { names, notAfter }: Certificate, now: number): void {
    const fields = { listener, names, notAfter: new Date(notAfter).toISOString() };
    if (notAfter <= now) this.#log.error('a certificate has expired', fields);
    else
      this.#log.warn('a certificate is about to expire', {
        ...fields,
        daysLeft: Math.floor((notAfter - now) / DAY_MS),
      });
  }
}

/** The least of the warnings that are due, in days before the end; `undefined` when none is. */
function warningFor({ notBefore, notAfter }: Certificate, now: number): number | undefined {
  const limit = (notAfter - notBefore) * MAX_SHARE;
  return WARNINGS_DAYS.filter((days) => days === 0 || days * DAY_MS < limit).findLast(
    (days) => notAfter - now <= days * DAY_MS,
  );
}
