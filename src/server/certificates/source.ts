// The contract of where a listener's certificates come from.
import type { Certificate } from '#model/certificate.ts';

export type SourceType = 'file' | 'acme' | 'on-demand' | 'local' | 'upload';

export interface SourceState {
  /** Those of the certificate, or those that one is wanted for. */
  readonly names: readonly string[];
  readonly certificate: Certificate | undefined;
  /** When it is renewed or tried again, in milliseconds since 1970; `undefined` where nobody renews it. */
  readonly nextRenewal: number | undefined;
  /** Why what was tried last failed; '' when it did not. */
  readonly problem: string;
}

/** One entry of a listener's certificates. */
export interface CertificateSource {
  readonly type: SourceType;
  /** What it has now. */
  states(): readonly SourceState[];
}
