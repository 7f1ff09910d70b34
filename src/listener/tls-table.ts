// The certificates of one listener by the names that clients ask for (RFC 6066 3), and the contexts made of them.
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import type { Certificate } from '#model/certificate.ts';

export class TlsTable {
  readonly #options: SecureContextOptions;
  /** By exact name, or `*.` and the rest: the first certificate of each kind of key. */
  readonly #byName = new Map<string, Certificate[]>();
  readonly #contexts = new Map<string, SecureContext>();
  /** For clients that ask for no name, or for one that no certificate has. */
  readonly standard: readonly Certificate[];

  /** `options` are those of all contexts. */
  constructor(certificates: readonly Certificate[], options: SecureContextOptions) {
    this.#options = options;
    for (const certificate of certificates) {
      for (const name of certificate.names) this.#add(name, certificate);
    }
    const [first] = certificates;
    this.standard = (first?.names[0] !== undefined && this.#byName.get(first.names[0])) || certificates.slice(0, 1);
  }

  /** The certificates for a name in lower case; `undefined` when there are none. */
  find(name: string): readonly Certificate[] | undefined {
    const exact = this.#byName.get(name);
    if (exact) return exact;
    // RFC 9525 6.3: a wildcard stands for exactly one label, the whole leftmost one.
    const dot = name.indexOf('.');
    return dot > 0 ? this.#byName.get(`*${name.slice(dot)}`) : undefined;
  }

  /** The context of certificates that this table has given; made once. */
  context(certificates: readonly Certificate[]): SecureContext {
    const key = certificates.map(({ fingerprint }) => fingerprint).join(' ');
    let context = this.#contexts.get(key);
    if (!context) {
      context = createSecureContext({
        ...this.#options,
        cert: certificates.map(({ chain }) => chain),
        key: certificates.map((certificate) => certificate.key),
      });
      this.#contexts.set(key, context);
    }
    return context;
  }

  #add(name: string, certificate: Certificate): void {
    const present = this.#byName.get(name);
    if (!present) this.#byName.set(name, [certificate]);
    else if (!present.some(({ keyType }) => keyType === certificate.keyType)) present.push(certificate);
  }
}
