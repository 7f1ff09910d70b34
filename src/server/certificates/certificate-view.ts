// What the admin API and the metrics show of certificates. Never a key.
import { X509Certificate } from 'node:crypto';
import type { CertificateStatus } from '#schema/admin-schemas.ts';
import type { ProcessMetric } from '#telemetry/prometheus.ts';
import type { Sources } from './generation.ts';
import type { CertificateSource, SourceState } from './source.ts';
import type { Stapling } from './stapling.ts';
import { arrange, UploadSource } from './uploads.ts';

/** Since the start. */
export interface CertificateCounts {
  issued: number;
  failed: number;
  /** Of pairs of files. */
  reloaded: number;
  refused: number;
}

/** In the order of listeners, and of their certificates as they count. */
export function viewCertificates(sources: Sources, stapling: Stapling): readonly CertificateStatus[] {
  return [...sources].flatMap(([listener, own]) =>
    arrange(own).flatMap((source) => source.states().map((state) => viewState(listener, source, state, stapling))),
  );
}

function viewState(
  listener: string,
  source: CertificateSource,
  { names, certificate, nextRenewal, problem }: SourceState,
  stapling: Stapling,
): CertificateStatus {
  const ocsp = certificate && stapling.status(certificate.fingerprint);
  return {
    listener,
    source: source.type,
    upload: source instanceof UploadSource ? source.name : null,
    names: certificate?.names ?? names,
    issuer: certificate ? issuerOf(certificate.chain) : null,
    keyType: certificate?.keyType ?? null,
    fingerprint: certificate?.fingerprint ?? null,
    notBefore: isoTime(certificate?.notBefore),
    notAfter: isoTime(certificate?.notAfter),
    stapledUntil: isoTime(ocsp?.status === 'good' ? ocsp.nextUpdate : undefined),
    ocsp: ocsp?.status ?? null,
    nextRenewal: isoTime(nextRenewal),
    problem: [problem, ocsp?.reason ?? ''].filter((text) => text !== '').join('; '),
  };
}

/** The common name of the issuer, or else all that it is called. */
function issuerOf(chain: string): string {
  const { issuer } = new X509Certificate(chain);
  return /^CN=(.+)$/m.exec(issuer)?.[1] ?? issuer.replaceAll('\n', ', ');
}

export function certificateMetrics(
  certificates: readonly CertificateStatus[],
  counts: CertificateCounts,
): readonly ProcessMetric[] {
  const present = certificates.filter(({ notAfter }) => notAfter !== null);
  const labelsOf = ({ listener, source, names, fingerprint }: CertificateStatus) => ({
    listener,
    source,
    name: names[0] ?? '',
    fingerprint: (fingerprint ?? '').slice(0, 16),
  });
  return [
    ...present.map((one) => ({
      name: 'tidegate_certificate_not_after_timestamp_seconds',
      help: 'When the certificate expires.',
      type: 'gauge' as const,
      value: Date.parse(one.notAfter ?? '') / 1000,
      labels: labelsOf(one),
    })),
    ...present.map((one) => ({
      name: 'tidegate_certificate_stapled',
      help: 'Whether the certificate is stapled with an OCSP response.',
      type: 'gauge' as const,
      value: one.stapledUntil === null ? 0 : 1,
      labels: labelsOf(one),
    })),
    ...certificates
      .filter(({ source }) => source !== 'file' && source !== 'upload')
      .map((one) => ({
        name: 'tidegate_certificate_failing',
        help: 'Whether the last attempt to issue or renew the certificate has failed.',
        type: 'gauge' as const,
        value: one.problem === '' ? 0 : 1,
        labels: { listener: one.listener, source: one.source, name: one.names[0] ?? '' },
      })),
    ...(['issued', 'failed'] as const).map((result) => ({
      name: 'tidegate_certificate_orders_total',
      help: 'Certificates ordered by ACME, by what became of it.',
      type: 'counter' as const,
      value: counts[result],
      labels: { result },
    })),
    ...(['reloaded', 'refused'] as const).map((result) => ({
      name: 'tidegate_certificate_file_changes_total',
      help: 'Pairs of certificate files that have changed: in use, or refused as they cannot be used.',
      type: 'counter' as const,
      value: counts[result],
      labels: { result },
    })),
  ];
}

function isoTime(wallMs: number | undefined): string | null {
  return wallMs === undefined ? null : new Date(wallMs).toISOString();
}
