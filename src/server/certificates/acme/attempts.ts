// What is remembered of attempts that failed, so that a gateway which starts again and again does not ask again and again.
import type { CertificateStore } from '#server/certificates/store.ts';

export interface Attempts {
  /** In a row. */
  readonly failures: number;
  /** Not before, in milliseconds since 1970. */
  readonly next: number;
  readonly reason: string;
}

export const NO_ATTEMPTS: Attempts = { failures: 0, next: 0, reason: '' };

/** Beside the certificate, whose place is without an extension. */
export function attemptsPlace(place: string): string {
  return `${place}.attempts.json`;
}

export async function readAttempts(store: CertificateStore, place: string): Promise<Attempts> {
  const text = await store.read(attemptsPlace(place));
  if (text === undefined) return NO_ATTEMPTS;
  try {
    const { failures, next, reason } = JSON.parse(text) as Partial<Attempts>;
    if (typeof failures === 'number' && typeof next === 'number' && typeof reason === 'string')
      return { failures, next, reason };
  } catch {
    // Nothing is lost with it.
  }
  return NO_ATTEMPTS;
}

export async function writeAttempts(store: CertificateStore, place: string, attempts: Attempts): Promise<void> {
  if (attempts.failures === 0) await store.remove(attemptsPlace(place));
  else await store.write(attemptsPlace(place), `${JSON.stringify(attempts)}\n`);
}
