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
  const [leaf, ...others] = parseChain(chain);
  const privateKey = parseKey(key);
  if (!leaf.checkPrivateKey(privateKey)) {
    const isLater = others.some((other) => other.checkPrivateKey(privateKey));
    const hint = isLater ? ', but to a later one, which has to come first' : '';
    throw new CertificateError('key', `does not belong to the first certificate of its cert${hint}`);
  }
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

/**
 * Whether each certificate behind the first has issued one before it, as clients expect that go no ways of their own.
 *
 * RFC 8446 4.4.2: "Each following certificate SHOULD directly certify the one immediately preceding it." Several authorities that
 * have issued the same one, as with cross-signing, are fine with all clients.
 */
export function isChain(text: string): boolean {
  const certificates = parseChain(text);
  return certificates.every(
    (issuer, i) => i === 0 || certificates.slice(0, i).some((before) => before.checkIssued(issuer)),
  );
}

/** Reads all certificates of the text, of which there is one at least. */
function parseChain(text: string): readonly [X509Certificate, ...X509Certificate[]] {
  const [first, ...others] = text.match(PEM_CERTIFICATE) ?? [];
  if (first === undefined) throw new CertificateError('cert', 'holds no certificate in PEM');
  try {
    return [new X509Certificate(first), ...others.map((other) => new X509Certificate(other))];
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
