// Certificates as the control plane and the admin API see them: what keeps them is loaded when the first listener has TLS.
import type { CertificateAdmin, CertificateOutcome } from '#admin/admin-host.ts';
import type { Config } from '#config/config-schema.ts';
import type { ListenerCertificates } from '#model/certificate.ts';
import type { CertificateStatus } from '#schema/admin-schemas.ts';
import type { ProcessMetric } from '#telemetry/prometheus.ts';
import type { ManagedCertificate } from './acme/managed-certificate.ts';
import type { CertificateSet, CertificateSetHost } from './certificate-set.ts';
import type { Wanted } from './generation.ts';
import { isUploadName } from './places.ts';
import { CertificateError } from './read-certificate.ts';

export class Certificates implements CertificateAdmin {
  readonly #host: CertificateSetHost;
  #set: CertificateSet | undefined = undefined;

  constructor(host: CertificateSetHost) {
    this.#host = host;
  }

  /** The certificates for a configuration, as far as there are any; changes nothing. Rejects when they cannot be had. */
  async prepare(wanted: Wanted): Promise<ListenerCertificates> {
    if (!this.#set && !hasTls(wanted.config)) return new Map();
    const { CertificateSet } = await import('./certificate-set.ts');
    this.#set ??= new CertificateSet(this.#host);
    return await this.#set.prepare(wanted);
  }

  /** What was prepared is in use. */
  commit(): void {
    this.#set?.commit();
  }

  /** What was prepared comes to nothing. */
  discard(): void {
    this.#set?.discard();
  }

  stop(): void {
    this.#set?.stop();
  }

  /** Has a certificate issued on demand, if the name may have one. Resolves with whether all workers have one. */
  async certify(name: string): Promise<boolean> {
    return (await this.#set?.certify(name)) ?? false;
  }

  metrics(): readonly ProcessMetric[] {
    return this.#set?.metrics() ?? [];
  }

  // What the admin API asks.

  list(): readonly CertificateStatus[] {
    return this.#set?.view() ?? [];
  }

  async reload(): Promise<readonly string[]> {
    const unusable = (await this.#set?.checkFiles()) ?? [];
    // One pair may be that of several listeners.
    return [...new Set(unusable.map(({ problem }) => problem))];
  }

  async renew(name: string): Promise<CertificateOutcome> {
    const found = this.#managed(name);
    if (found.length === 0) return { ok: false, isUnknown: true, detail: `No certificate by ACME is for ${name}.` };
    return await outcomeOf(found.map((managed) => managed.renew()));
  }

  async issue(name: string): Promise<CertificateOutcome> {
    const missing = this.#managed(name).filter(({ current }) => !current);
    if (missing.length > 0) return await outcomeOf(missing.map((managed) => managed.renew()));
    if (this.#managed(name).length > 0) return { ok: true };
    if (await this.certify(name)) return { ok: true };
    const detail = `${name} is not in the configuration, and gets no certificate on demand; the log of the gateway may say why.`;
    return { ok: false, isUnknown: true, detail };
  }

  async upload(
    listener: string,
    name: string,
    pair: { readonly certificate: string; readonly key: string },
  ): Promise<CertificateOutcome> {
    if (!this.#set?.sources.has(listener))
      return { ok: false, isUnknown: true, detail: `There is no listener ${JSON.stringify(listener)} with TLS.` };
    if (!isUploadName(name))
      return {
        ok: false,
        isUnknown: false,
        detail: 'A name holds letters, digits, and - _ . within, up to a hundred.',
      };
    try {
      await this.#set.putUpload(listener, name, { chain: pair.certificate, key: pair.key });
      return { ok: true };
    } catch (error) {
      if (!(error instanceof CertificateError)) throw error;
      const part = error.part === 'cert' ? 'certificate' : 'key';
      return { ok: false, isUnknown: false, detail: `The ${part} ${error.message}.` };
    }
  }

  async remove(listener: string, name: string): Promise<boolean> {
    return (await this.#set?.removeUpload(listener, name)) ?? false;
  }

  #managed(name: string): readonly ManagedCertificate[] {
    const wanted = name.toLowerCase();
    return [...(this.#set?.managed ?? [])].filter(({ names }) => names.includes(wanted));
  }
}

/** What the first that failed says. */
async function outcomeOf(work: readonly Promise<void>[]): Promise<CertificateOutcome> {
  const results = await Promise.allSettled(work);
  const failed = results.find((result) => result.status === 'rejected');
  if (!failed) return { ok: true };
  return {
    ok: false,
    isUnknown: false,
    detail: `The certificate could not be had: ${(failed.reason as Error).message}`,
  };
}

function hasTls({ listeners }: Config): boolean {
  return Object.values(listeners).some(({ tls }) => tls !== undefined);
}
