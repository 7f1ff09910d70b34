// What certificates and keys in an option must be, once the files that are named in their place have been read: text in PEM.
import { createPrivateKey, X509Certificate } from 'node:crypto';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** What is wrong with certificates in PEM; `undefined` when nothing is. */
export function certificatesProblem(pem: string): string | undefined {
  const found = pem.match(CERTIFICATE) ?? [];
  if (found.length === 0) return 'holds no certificate in PEM; name a file that does, such as ca.pem';
  const broken = found.findIndex((one) => !isCertificate(one));
  return broken < 0 ? undefined : `certificate ${broken + 1} cannot be read`;
}

/** The same of a private key. Says nothing of the key. */
export function keyProblem(pem: string): string | undefined {
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem))
    return 'holds no private key in PEM; name a file that does, such as client.key';
  if (/-----BEGIN ENCRYPTED |^Proc-Type: 4,ENCRYPTED/m.test(pem))
    return 'the key has a passphrase; write it without one';
  try {
    createPrivateKey(pem);
    return undefined;
  } catch {
    return 'the key cannot be read';
  }
}

/** Whether the key is that of the first of the certificates. */
export function isPair(certificates: string, key: string): boolean {
  const [own = ''] = certificates.match(CERTIFICATE) ?? [];
  return new X509Certificate(own).checkPrivateKey(createPrivateKey(key));
}

/** When the first of the certificates ends to be valid; milliseconds since 1970. */
export function validUntil(certificates: string): number {
  const [own = ''] = certificates.match(CERTIFICATE) ?? [];
  return new X509Certificate(own).validToDate.getTime();
}

function isCertificate(pem: string): boolean {
  try {
    new X509Certificate(pem);
    return true;
  } catch {
    return false;
  }
}
