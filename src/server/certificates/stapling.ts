// Stapling as the rest sees it: the part that speaks OCSP is loaded when the first certificate has to do with it, which few have today.
import type { Certificate } from '#model/certificate.ts';
import type { StapleSet } from './ocsp/staple-set.ts';
import type { StaplerHost, StapleStatus } from './ocsp/stapler.ts';
import { concernsOcsp } from './ocsp-needs.ts';
import { createTransport } from './transport.ts';

export class Stapling {
  readonly #host: Omit<StaplerHost, 'transport'>;
  /** By fingerprint, of those that were wanted last. */
  #concerned: ReadonlyMap<string, boolean> = new Map();
  #wanted: readonly Certificate[] = [];
  #set: StapleSet | undefined = undefined;
  #isLoading = false;

  constructor(host: Omit<StaplerHost, 'transport'>) {
    this.#host = host;
  }

  /** Staples these, and no others any more. */
  use(certificates: readonly Certificate[]): void {
    const known = this.#concerned;
    this.#concerned = new Map(
      certificates.map((one) => [one.fingerprint, known.get(one.fingerprint) ?? concernsOcsp(one)]),
    );
    this.#wanted = certificates.filter(({ fingerprint }) => this.#concerned.get(fingerprint));
    if (this.#set) this.#set.use(this.#wanted);
    else if (this.#wanted.length > 0 && !this.#isLoading) void this.#load();
  }

  staple(fingerprint: string): Uint8Array | undefined {
    return this.#set?.staple(fingerprint);
  }

  /** `undefined` for a certificate that is not stapled at all. */
  status(fingerprint: string): StapleStatus | undefined {
    return this.#set?.status(fingerprint);
  }

  stop(): void {
    this.use([]);
  }

  async #load(): Promise<void> {
    this.#isLoading = true;
    const { StapleSet } = await import('./ocsp/staple-set.ts');
    this.#set = new StapleSet({ ...this.#host, transport: createTransport() });
    this.#set.use(this.#wanted);
  }
}
