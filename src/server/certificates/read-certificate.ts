// Makes a certificate of its PEM: checks that chain and key belong together, and reads what is to be known of it.
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { Certificate } from '#model/certificate.ts';

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** The chain may hold anything beside its certificates, the leaf first. Throws an Error with a sentence for people. */
export function readCertificate(chain: string, key: string): Certificate {
  const [leaf, ...issuers] = (chain.match(BLOCK) ?? []).map(parseBlock);
  if (!leaf) throw new Error('holds no certificate in PEM');
  const privateKey = parseKey(key);
  if (!leaf.checkPrivateKey(privateKey)) throw new Error('the key does not belong to the certificate');
  return {
    fingerprint: leaf.fingerprint256.replaceAll(':', '').toLowerCase(),
    names: namesOf(leaf),
    keyType: keyTypeOf(privateKey),
    chain: [leaf, ...issuers].map((certificate) => certificate.toString()).join(''),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    notBefore: leaf.validFromDate.getTime(),
    notAfter: leaf.validToDate.getTime(),
    staple: undefined,
  };
}

/** Names of the extension subjectAltName; the common name counts for nothing (RFC 9525 section 2). */
export function namesOf({ subjectAltName = '' }: X509Certificate): readonly string[] {
  const names = subjectAltName.split(', ').flatMap((entry) => {
    const match = /^(?:DNS|IP Address):(.+)$/.exec(entry);
    return match ? [(match[1] as string).toLowerCase()] : [];
  });
  return [...new Set(names)];
}

function parseBlock(block: string): X509Certificate {
  try {
    return new X509Certificate(block);
  } catch {
    throw new Error('holds something that looks like a certificate and is none');
  }
}

function parseKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new Error(`the key cannot be read: ${(error as Error).message}`);
  }
}

function keyTypeOf({ asymmetricKeyType }: KeyObject): Certificate['keyType'] {
  if (asymmetricKeyType === 'ec') return 'ecdsa';
  if (asymmetricKeyType === 'rsa' || asymmetricKeyType === 'ed25519') return asymmetricKeyType;
  throw new Error(`a key of the type ${asymmetricKeyType} cannot be used: take ECDSA, RSA or Ed25519`);
}
