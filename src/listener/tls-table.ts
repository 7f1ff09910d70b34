// The certificates of one listener by the names that clients ask for (RFC 6066 3).
import { X509Certificate } from 'node:crypto';
import type { Certificate } from '#model/certificate.ts';
import type { KeyKind } from '#wire/tls/client-abilities.ts';

const CURVES: Readonly<Record<string, KeyKind>> = {
  prime256v1: 'ecdsa-p256',
  secp384r1: 'ecdsa-p384',
  secp521r1: 'ecdsa-p521',
};

/** Certificates for the same name, one of each kind of key. */
export class CertificateChoice {
  readonly #certificates: Certificate[] = [];
  /** What a client must be able to verify, of each that is not for all clients; worked out when there is a choice. */
  #kinds: readonly (KeyKind | undefined)[] | undefined = undefined;

  /** A second one with the same kind of key is left out. */
  add(certificate: Certificate): void {
    if (this.#certificates.some(({ keyType }) => keyType === certificate.keyType)) return;
    this.#certificates.push(certificate);
    // RSA costs a server several times as much as the others.
    this.#certificates.sort((a, b) => Number(a.keyType === 'rsa') - Number(b.keyType === 'rsa'));
  }

  /** The best that the client can verify; the last one, if it says that it can verify none. */
  pick(canVerify: (kind: KeyKind) => boolean): Certificate {
    const certificates = this.#certificates;
    const last = certificates.length - 1;
    if (last > 0) this.#kinds ??= certificates.map(kindOf);
    for (let i = 0; i < last; i++) {
      const kind = this.#kinds?.[i];
      if (kind === undefined || canVerify(kind)) return certificates[i] as Certificate;
    }
    return certificates[last] as Certificate;
  }
}

export class TlsTable {
  /** By exact name, or `*.` and the rest. */
  readonly #byName = new Map<string, CertificateChoice>();
  /** For clients that ask for no name: the first certificate, and those for the same name; `undefined` without any. */
  readonly standard: CertificateChoice | undefined;

  constructor(certificates: readonly Certificate[]) {
    for (const certificate of certificates) {
      for (const name of certificate.names) this.#add(name, certificate);
    }
    const [first] = certificates;
    if (!first) return;
    const [name] = first.names;
    this.standard = name === undefined ? undefined : this.#byName.get(name);
    if (this.standard) return;
    this.standard = new CertificateChoice();
    this.standard.add(first);
  }

  /** The certificates for a name in lower case; `undefined` when there are none. */
  find(name: string): CertificateChoice | undefined {
    const exact = this.#byName.get(name);
    if (exact) return exact;
    // RFC 9525 6.3: a wildcard stands for exactly one label, the whole leftmost one.
    const dot = name.indexOf('.');
    return dot > 0 ? this.#byName.get(`*${name.slice(dot)}`) : undefined;
  }

  #add(name: string, certificate: Certificate): void {
    const present = this.#byName.get(name) ?? new CertificateChoice();
    present.add(certificate);
    this.#byName.set(name, present);
  }
}

/** What a client must be able to verify; `undefined` for what all can. */
function kindOf({ keyType, chain }: Certificate): KeyKind | undefined {
  if (keyType === 'ed25519') return 'ed25519';
  if (keyType === 'rsa') return undefined;
  return CURVES[new X509Certificate(chain).publicKey.asymmetricKeyDetails?.namedCurve ?? ''];
}
