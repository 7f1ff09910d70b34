// A listener's certificate by the local authority.
import type { Certificate } from '#model/certificate.ts';
import type { LocalAuthority } from './local-authority.ts';
import type { CertificateSource, SourceState } from './source.ts';

export class LocalSource implements CertificateSource {
  readonly type = 'local';
  readonly #authority: LocalAuthority;
  readonly #names: readonly string[];
  #certificate: Certificate;

  private constructor(authority: LocalAuthority, names: readonly string[], certificate: Certificate) {
    this.#authority = authority;
    this.#names = names;
    this.#certificate = certificate;
  }

  static async create(authority: LocalAuthority, names: readonly string[]): Promise<LocalSource> {
    return new LocalSource(authority, names, await authority.certify(names));
  }

  states(): readonly SourceState[] {
    return [{ names: this.#names, certificate: this.#certificate, nextRenewal: undefined, problem: '' }];
  }

  /** Whether it was time for another one. */
  async refresh(): Promise<boolean> {
    const { fingerprint } = this.#certificate;
    this.#certificate = await this.#authority.certify(this.#names);
    return this.#certificate.fingerprint !== fingerprint;
  }
}
