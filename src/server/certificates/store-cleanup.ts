// Takes certificates out of the store that expired long ago and that nothing names any more. What was uploaded stays: somebody put it there.
import { X509Certificate } from 'node:crypto';
import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import { attemptsPlace } from './acme/attempts.ts';
import { ACME_FOLDER, AUTHORITY_PLACE, LOCAL_FOLDER } from './places.ts';
import type { CertificateStore } from './store.ts';

/** Long enough to look into what happened, and for a name that was taken out of the configuration by mistake. */
const KEPT_MS = 30 * 24 * 3_600_000;
const PAIR = '.pem';

export interface CleanupHost {
  readonly clock: Clock;
  readonly log: Log;
  /** Whether something keeps or presents what is at the place, without extension, or has this fingerprint. */
  isInUse(place: string, fingerprint: string): boolean;
}

/** Never rejects: what cannot be removed is logged, and stays. */
export async function removeExpired(store: CertificateStore, host: CleanupHost): Promise<void> {
  try {
    const authorities = (await store.folders(ACME_FOLDER)).map((name) => `${ACME_FOLDER}/${name}`);
    for (const folder of [...authorities, LOCAL_FOLDER])
      for (const file of await store.list(folder))
        if (file.endsWith(PAIR)) await removeIfExpired(store, `${folder}/${file.slice(0, -PAIR.length)}`, host);
  } catch (error) {
    host.log.warn('certificates that have expired could not be removed', {
      folder: store.folder,
      reason: (error as Error).message,
    });
  }
}

async function removeIfExpired(store: CertificateStore, place: string, host: CleanupHost): Promise<void> {
  if (`${place}${PAIR}` === AUTHORITY_PLACE || !isOld(await readLeaf(store, place), place, host)) return;
  // Another gateway on the same folder may be about to renew it.
  const release = await store.lock(place);
  if (!release) return;
  try {
    if (!isOld(await readLeaf(store, place), place, host)) return;
    await store.remove(`${place}${PAIR}`);
    await store.remove(attemptsPlace(place));
  } finally {
    await release();
  }
  host.log.info('a certificate that expired long ago, and that nothing names, was removed from the store', {
    file: `${place}${PAIR}`,
  });
}

function isOld(leaf: X509Certificate | undefined, place: string, { clock, isInUse }: CleanupHost): boolean {
  if (!leaf || clock.wall() - leaf.validToDate.getTime() < KEPT_MS) return false;
  return !isInUse(place, leaf.fingerprint256.replaceAll(':', '').toLowerCase());
}

/** `undefined` when there is none, or nothing that can be read: whoever it is for tells of that. */
async function readLeaf(store: CertificateStore, place: string): Promise<X509Certificate | undefined> {
  const text = await store.read(`${place}${PAIR}`);
  if (text === undefined) return undefined;
  try {
    // Behind the key comes the certificate itself, ahead of those of its issuers.
    return new X509Certificate(text.slice(text.indexOf('-----BEGIN CERTIFICATE-----')));
  } catch {
    return undefined;
  }
}
