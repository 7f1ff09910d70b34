// A listener's certificate by ACME for names that the configuration lists.
import type { Certificate } from '#model/certificate.ts';
import type { ManagedCertificate } from './acme/managed-certificate.ts';
import type { CertificateSource, SourceState } from './source.ts';

export class AcmeSource implements CertificateSource {
  readonly type = 'acme';
  readonly managed: ManagedCertificate;
  readonly #stopgap: Certificate | undefined;

  /** `stopgap` is presented as long as there is no certificate for just these names. */
  constructor(managed: ManagedCertificate, stopgap?: Certificate) {
    this.managed = managed;
    this.#stopgap = stopgap;
  }

  states(): readonly SourceState[] {
    const state = stateOf(this.managed);
    return [state.certificate ? state : { ...state, certificate: this.#stopgap }];
  }
}

export function stateOf({ names, current, status }: ManagedCertificate): SourceState {
  return { names, certificate: current, nextRenewal: status.nextAttempt, problem: status.reason };
}
