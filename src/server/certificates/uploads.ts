// Certificates that came by the admin API: kept in the store, for a listener and under a name of the caller's.
import type { Log } from '#lib/log.ts';
import type { Certificate } from '#model/certificate.ts';
import { joinPair, splitPair } from './pem-pair.ts';
import { uploadFolder } from './places.ts';
import { readCertificate } from './read-certificate.ts';
import type { CertificateSource, SourceState } from './source.ts';
import type { CertificateStore } from './store.ts';

export class UploadSource implements CertificateSource {
  readonly type = 'upload';
  readonly name: string;
  readonly certificate: Certificate;

  constructor(name: string, certificate: Certificate) {
    this.name = name;
    this.certificate = certificate;
  }

  states(): readonly SourceState[] {
    const { names } = this.certificate;
    return [{ names, certificate: this.certificate, nextRenewal: undefined, problem: '' }];
  }
}

/** Those of a listener, in the order of their names. What cannot be used is left out, and told. */
export async function readUploads(
  store: CertificateStore,
  listener: string,
  log: Log,
): Promise<readonly UploadSource[]> {
  const folder = uploadFolder(listener);
  const sources: UploadSource[] = [];
  for (const file of await store.list(folder)) {
    const name = file.replace(/\.pem$/, '');
    try {
      const pair = splitPair((await store.read(`${folder}/${file}`)) ?? '');
      if (!pair) throw new Error('holds no key');
      sources.push(new UploadSource(name, readCertificate(pair.chain, pair.key)));
    } catch (error) {
      const reason = (error as Error).message;
      log.error('an uploaded certificate cannot be used', { listener, file: `${folder}/${file}`, reason });
    }
  }
  return sources;
}

/** Keeps an upload. Rejects with a `CertificateError` when it cannot be used. */
export async function writeUpload(
  store: CertificateStore,
  listener: string,
  name: string,
  pair: { readonly chain: string; readonly key: string },
): Promise<UploadSource> {
  const source = new UploadSource(name, readCertificate(pair.chain, pair.key));
  await store.write(`${uploadFolder(listener)}/${name}.pem`, joinPair(pair));
  return source;
}

export async function removeUpload(store: CertificateStore, listener: string, name: string): Promise<void> {
  await store.remove(`${uploadFolder(listener)}/${name}.pem`);
}

/**
 * The sources of a listener in the order in which they count: an upload before the first of the others that has one of its names, as it
 * is there to replace that; else behind all, so that it changes nothing for clients that ask for no name.
 */
export function arrange(sources: readonly CertificateSource[]): readonly CertificateSource[] {
  const arranged = sources.filter(({ type }) => type !== 'upload');
  for (const upload of sources) {
    if (!(upload instanceof UploadSource)) continue;
    const names = new Set(upload.certificate.names);
    const at = arranged.findIndex((other) =>
      other.states().some(({ certificate }) => certificate?.names.some((name) => names.has(name))),
    );
    arranged.splice(at < 0 ? arranged.length : at, 0, upload);
  }
  return arranged;
}
