// What a listener presents until a certificate by ACME is there: one that was issued for some of its names before, such as when a name was
// added to the list.
import type { Clock } from '#lib/clock.ts';
import type { Certificate } from '#model/certificate.ts';
import { splitPair } from './pem-pair.ts';
import { authorityPlace } from './places.ts';
import { readCertificate } from './read-certificate.ts';
import type { CertificateStore } from './store.ts';

/** Of those in use and those that are kept: the one that has most of the names, and of several the one that is valid for longest. */
export async function findStopgap(
  names: readonly string[],
  inUse: readonly Certificate[],
  {
    store,
    directoryUrl,
    clock,
  }: { readonly store: CertificateStore; readonly directoryUrl: string; readonly clock: Clock },
): Promise<Certificate | undefined> {
  const kept = await readKept(store, authorityPlace(directoryUrl));
  const now = clock.wall();
  const rated = [...inUse, ...kept]
    .map((certificate) => ({ certificate, shared: names.filter((name) => certificate.names.includes(name)).length }))
    .filter(({ certificate, shared }) => shared > 0 && certificate.notAfter > now);
  rated.sort((a, b) => b.shared - a.shared || b.certificate.notAfter - a.certificate.notAfter);
  return rated[0]?.certificate;
}

async function readKept(store: CertificateStore, folder: string): Promise<readonly Certificate[]> {
  const certificates: Certificate[] = [];
  for (const file of await store.list(folder)) {
    if (!file.endsWith('.pem')) continue;
    try {
      const pair = splitPair((await store.read(`${folder}/${file}`)) ?? '');
      if (pair) certificates.push(readCertificate(pair.chain, pair.key));
    } catch {
      // Whoever it is for tells of it.
    }
  }
  return certificates;
}
