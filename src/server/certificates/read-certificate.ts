// Makes a certificate of the texts of two files, or says what is wrong with them.
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { formatIpAddress, parseIpAddress } from '#lib/ip-address.ts';
import { parseAlternativeNames } from '#lib/x509-names.ts';
import type { Certificate } from '#model/certificate.ts';

/** What is wrong with a certificate (`part` 'cert') or its key, as the end of a sentence that begins with the file. */
export class CertificateError extends Error {
  readonly part: 'cert' | 'key';

  constructor(part: 'cert' | 'key', message: string) {
    super(message);
    this.name = 'CertificateError';
    this.part = part;
  }
}

const KEY_TYPES: Readonly<Record<string, Certificate['keyType']>> = { ec: 'ecdsa', rsa: 'rsa', ed25519: 'ed25519' };

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** Throws a `CertificateError`. */
export function readCertificate(chain: string, key: string): Certificate {
  const leaf = parseChain(chain);
  const privateKey = parseKey(key);
  if (!leaf.checkPrivateKey(privateKey))
    throw new CertificateError('key', 'does not belong to the first certificate of its cert');
  const keyType = KEY_TYPES[privateKey.asymmetricKeyType ?? ''];
  if (!keyType)
    throw new CertificateError(
      'key',
      `is of the kind ${privateKey.asymmetricKeyType}; ECDSA, RSA and Ed25519 can be used`,
    );
  try {
    createSecureContext({ cert: chain, key, ca: [] });
  } catch (error) {
    // Such as a key that is too weak for anybody to accept.
    throw new CertificateError('cert', `cannot be used: ${(error as Error).message}`);
  }
  return {
    fingerprint: leaf.fingerprint256.replaceAll(':', '').toLowerCase(),
    names: namesOf(leaf),
    keyType,
    chain,
    key,
    notBefore: leaf.validFromDate.getTime(),
    notAfter: leaf.validToDate.getTime(),
    staple: undefined,
  };
}

/** Reads all certificates of the text; returns the first. */
function parseChain(text: string): X509Certificate {
  const [first, ...others] = text.match(PEM_CERTIFICATE) ?? [];
  if (first === undefined) throw new CertificateError('cert', 'holds no certificate in PEM');
  try {
    for (const other of others) new X509Certificate(other);
    return new X509Certificate(first);
  } catch (error) {
    throw new CertificateError('cert', `cannot be read: ${(error as Error).message}`);
  }
}

function parseKey(text: string): KeyObject {
  if (!text.includes('PRIVATE KEY-----')) throw new CertificateError('key', 'holds no private key in PEM');
  if (text.includes('ENCRYPTED'))
    throw new CertificateError('key', 'is encrypted, and nobody can be asked for its password');
  try {
    return createPrivateKey(text);
  } catch (error) {
    throw new CertificateError('key', `cannot be read: ${(error as Error).message}`);
  }
}

/** RFC 9525: names are those of subjectAltName; the common name counts for nothing. */
export function namesOf(leaf: X509Certificate): readonly string[] {
  const names: string[] = [];
  for (const { type, value } of parseAlternativeNames(leaf.subjectAltName ?? '')) {
    const name = value.toLowerCase();
    if (type === 'DNS' && /^(\*\.)?[a-z0-9_.-]+$/.test(name)) names.push(name);
    // OpenSSL writes all groups of an IPv6 address.
    const address = type === 'IP Address' ? parseIpAddress(value) : undefined;
    if (address) names.push(formatIpAddress(address.bytes));
  }
  return names;
}
