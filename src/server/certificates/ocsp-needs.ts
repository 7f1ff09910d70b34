// Whether a certificate has to do with OCSP at all: what is needed to answer requests about it is loaded only then.
import { X509Certificate } from 'node:crypto';
import type { Certificate } from '#model/certificate.ts';

/** The identifier of the extension of RFC 7633 in DER: 1.3.6.1.5.5.7.1.24. */
const TLS_FEATURE = Buffer.from('06082b06010505070118', 'hex');

/** Whether it names a responder, or promises to be stapled. */
export function concernsOcsp({ chain }: Certificate): boolean {
  const leaf = new X509Certificate(chain);
  return responderOf(leaf) !== undefined || leaf.raw.includes(TLS_FEATURE);
}

/** Of the extension authorityInfoAccess (RFC 5280 section 4.2.2.1), as Node prints it. */
export function responderOf({ infoAccess = '' }: X509Certificate): string | undefined {
  return /^OCSP - URI:(https?:\/\/\S+)$/m.exec(infoAccess)?.[1];
}
