// The staples of all certificates in use: one stapler for each, however many listeners have it.
import type { Certificate } from '#model/certificate.ts';
import { Stapler, type StaplerHost, type StapleStatus } from './stapler.ts';

export class StapleSet {
  readonly #host: StaplerHost;
  /** By fingerprint; `undefined` for one that cannot be stapled. */
  readonly #staplers = new Map<string, Stapler | undefined>();

  constructor(host: StaplerHost) {
    this.#host = host;
  }

  /** Staples these, and no others any more. */
  use(certificates: readonly Certificate[]): void {
    const kept = new Set(certificates.map(({ fingerprint }) => fingerprint));
    for (const [fingerprint, stapler] of this.#staplers) {
      if (kept.has(fingerprint)) continue;
      stapler?.stop();
      this.#staplers.delete(fingerprint);
    }
    for (const certificate of certificates) {
      if (this.#staplers.has(certificate.fingerprint)) continue;
      const stapler = Stapler.create(certificate, this.#host);
      this.#staplers.set(certificate.fingerprint, stapler);
      stapler?.start();
    }
  }

  staple(fingerprint: string): Uint8Array | undefined {
    return this.#staplers.get(fingerprint)?.staple;
  }

  status(fingerprint: string): StapleStatus | undefined {
    return this.#staplers.get(fingerprint)?.status;
  }

  stop(): void {
    this.use([]);
  }
}
