// A listener's certificate by ACME for names that the configuration lists.
import type { ManagedCertificate } from './acme/managed-certificate.ts';
import type { CertificateSource, SourceState } from './source.ts';

export class AcmeSource implements CertificateSource {
  readonly type = 'acme';
  readonly managed: ManagedCertificate;

  constructor(managed: ManagedCertificate) {
    this.managed = managed;
  }

  states(): readonly SourceState[] {
    return [stateOf(this.managed)];
  }
}

export function stateOf({ names, current, status }: ManagedCertificate): SourceState {
  return { names, certificate: current, nextRenewal: status.nextAttempt, problem: status.reason };
}
