// The authority for development: made once for a user, it vouches for local names, so that https://localhost works without a warning
// where it is trusted.
import { createPrivateKey } from 'node:crypto';
import { join } from 'node:path';
import type { Clock } from '#lib/clock.ts';
import type { Certificate } from '#model/certificate.ts';
import { joinPair, splitPair } from './pem-pair.ts';
import { AUTHORITY_PLACE, LOCAL_FOLDER, localPlace } from './places.ts';
import { readCertificate } from './read-certificate.ts';
import type { CertificateStore } from './store.ts';
import type { CertificateAndKey } from './x509.ts';

/** The certificate alone, for those that are to trust it. */
const TRUSTED = `${LOCAL_FOLDER}/tidegate-local-authority.crt`;
const AUTHORITY_DAYS = 3650;
/** Apple's clients take none that is valid for more than 825 days. */
const LEAF_DAYS = 365;
/** Of what is left of a leaf when it is made anew. */
const RENEW_MS = 30 * 24 * 3_600_000;

export class LocalAuthority {
  /** Whether this call has made it. */
  readonly isNew: boolean;
  /** Path of the certificate that clients are to trust. */
  readonly file: string;
  readonly certificate: string;
  readonly #key: string;
  readonly #store: CertificateStore;
  readonly #clock: Clock;

  private constructor(pair: CertificateAndKey, isNew: boolean, store: CertificateStore, clock: Clock) {
    this.certificate = pair.chain;
    this.#key = pair.key;
    this.isNew = isNew;
    this.#store = store;
    this.#clock = clock;
    this.file = join(store.folder, TRUSTED);
  }

  /** The authority of this store; made when there is none, or it is about to end. */
  static async open(store: CertificateStore, clock: Clock): Promise<LocalAuthority> {
    const kept = splitPair((await store.read(AUTHORITY_PLACE)) ?? '');
    const isUsable = kept !== undefined && readCertificate(kept.chain, kept.key).notAfter - clock.wall() > RENEW_MS;
    const pair = isUsable ? kept : await create(clock.wall());
    if (!isUsable) await store.write(AUTHORITY_PLACE, joinPair(pair));
    if ((await store.read(TRUSTED)) !== pair.chain) await store.write(TRUSTED, pair.chain);
    return new LocalAuthority(pair, !isUsable, store, clock);
  }

  /** A certificate for names that are local ones; the one of the store as long as it holds. */
  async certify(names: readonly string[]): Promise<Certificate> {
    const place = localPlace(this.certificate, names);
    const kept = splitPair((await this.#store.read(place)) ?? '');
    if (kept) {
      const certificate = readCertificate(kept.chain, kept.key);
      if (certificate.notAfter - this.#clock.wall() > RENEW_MS) return certificate;
    }
    const { createLeaf } = await import('./x509.ts');
    const authority = { certificate: this.certificate, key: createPrivateKey(this.#key) };
    const pair = await createLeaf(authority, { names, days: LEAF_DAYS, now: this.#clock.wall() });
    await this.#store.write(place, joinPair(pair));
    return readCertificate(pair.chain, pair.key);
  }
}

async function create(now: number): Promise<CertificateAndKey> {
  const { createAuthority } = await import('./x509.ts');
  return await createAuthority({ name: 'Tidegate local authority', days: AUTHORITY_DAYS, now });
}
