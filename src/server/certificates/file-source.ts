// A certificate from two files that may change at any time. A pair that cannot be used never replaces one that can.
import { statSync } from 'node:fs';
import type { Log } from '#lib/log.ts';
import type { Certificate } from '#model/certificate.ts';
import { type CertificateFiles, loadPair } from './load.ts';
import { nameOf, pathOf } from './pem-option.ts';
import type { CertificateSource, SourceState } from './source.ts';

/** What a look at the files has found: another pair, nothing new, or a pair that may only be half written. */
export type Look = 'changed' | 'same' | 'unusable';

export class FileSource implements CertificateSource {
  readonly type = 'file';
  /** Absolute; without those that are given as text, which change with the configuration only. */
  readonly paths: readonly string[];
  readonly #folder: string;
  readonly #files: CertificateFiles;
  #certificate: Certificate;
  /** Of the files that were read last. */
  #signature: string;
  #problem = '';

  /** `certificate` is what the files hold now. */
  constructor(folder: string, files: CertificateFiles, certificate: Certificate) {
    this.#folder = folder;
    this.#files = files;
    this.#certificate = certificate;
    this.paths = [files.cert, files.key].flatMap((option) => pathOf(option, folder) ?? []);
    this.#signature = this.#sign();
  }

  get problem(): string {
    return this.#problem;
  }

  states(): readonly SourceState[] {
    const { names } = this.#certificate;
    return [{ names, certificate: this.#certificate, nextRenewal: undefined, problem: this.#problem }];
  }

  /** Reads the files when they seem to have changed. */
  look(): Look {
    const signature = this.#sign();
    if (signature === this.#signature) return 'same';
    const found = loadPair(this.#folder, this.#files);
    if ('problem' in found) return 'unusable';
    this.#signature = signature;
    this.#problem = '';
    const isSame = found.fingerprint === this.#certificate.fingerprint && found.key === this.#certificate.key;
    if (isSame && found.chain === this.#certificate.chain) return 'same';
    this.#certificate = found;
    return 'changed';
  }

  /** The same at last: what cannot be used is said, once. */
  lookAgain(log: Log): Look {
    const signature = this.#sign();
    // What has not changed since it was said is still so.
    if (signature === this.#signature && this.#problem !== '') return 'unusable';
    const result = this.look();
    if (result !== 'unusable') return result;
    const found = loadPair(this.#folder, this.#files);
    this.#signature = signature;
    this.#problem = 'problem' in found ? found.problem : '';
    log.error('changed certificate files cannot be used; the certificate before stays', {
      cert: nameOf(this.#files.cert),
      key: nameOf(this.#files.key),
      problem: this.#problem,
      notAfter: new Date(this.#certificate.notAfter).toISOString(),
    });
    return result;
  }

  #sign(): string {
    return this.paths.map(signatureOf).join(' ');
  }
}

function signatureOf(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats ? `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeMs}` : 'none';
}
