// Makes what ACME and the local authority need of X.509: requests, certificates, identifiers. Loads a large library, and so is itself
// loaded only where it is needed.
import 'reflect-metadata';
import { createHash, generateKeyPair, type KeyObject, randomBytes, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { promisify } from 'node:util';
import * as x509 from '@peculiar/x509';
import { LOCAL_DOMAINS, localSubnets } from '#lib/local-names.ts';
import { encodeElement } from './der.ts';
import type { KeyType } from './key-type.ts';

const generate = promisify(generateKeyPair);

/** RFC 8737 section 6.1. */
const ACME_IDENTIFIER = '1.3.6.1.5.5.7.1.31';
const NAME_CONSTRAINTS = '2.5.29.30';
// Tags of ASN.1, the last three as RFC 5280 gives them in NameConstraints and GeneralName.
const SEQUENCE = 0x30;
const PERMITTED = 0xa0;
const DNS_NAME = 0x82;
const IP_ADDRESS = 0x87;
/** Clocks differ: a certificate of ours begins so long ago. */
const BACKDATE_MS = 60 * 60_000;
const DAY_MS = 24 * 3_600_000;

export interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export interface CertificateAndKey {
  /** In PEM, as is `key`. */
  readonly chain: string;
  readonly key: string;
}

export async function generateKeys(type: KeyType): Promise<KeyPair> {
  switch (type) {
    case 'ecdsa-p384':
      return await generate('ec', { namedCurve: 'P-384' });
    case 'rsa-2048':
      return await generate('rsa', { modulusLength: 2048 });
    case 'rsa-4096':
      return await generate('rsa', { modulusLength: 4096 });
    default:
      return await generate('ec', { namedCurve: 'P-256' });
  }
}

export function keyToPem({ privateKey }: KeyPair): string {
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** A certificate signing request (RFC 2986) in DER; all names are subject alternative names. */
export async function createRequest(keys: KeyPair, names: readonly string[]): Promise<Buffer> {
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    ...signingBy(keys),
    extensions: [new x509.SubjectAlternativeNameExtension(names.map(generalName))],
  });
  return Buffer.from(request.rawData);
}

/** The certificate that answers a tls-alpn-01 challenge (RFC 8737 section 3). */
export async function createChallengeCertificate(
  name: string,
  keyAuthorization: string,
  now: number,
): Promise<CertificateAndKey> {
  const keys = await generateKeys('ecdsa-p256');
  const digest = createHash('sha256').update(keyAuthorization).digest();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...signingBy(keys),
    serialNumber: createSerial(),
    name: 'CN=ACME challenge',
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(now + DAY_MS),
    extensions: [
      // "a subjectAltName extension containing the dNSName being validated and no other entries"
      new x509.SubjectAlternativeNameExtension([generalName(name)]),
      // "The acmeIdentifier extension MUST be critical": an OCTET STRING of 32 octets.
      new x509.Extension(ACME_IDENTIFIER, true, Buffer.concat([Buffer.from([0x04, 0x20]), digest])),
    ],
  });
  return { chain: pemOf(certificate), key: keyToPem(keys) };
}

export interface AuthorityOptions {
  readonly name: string;
  readonly days: number;
  /** Milliseconds since 1970, as in all that follows. */
  readonly now: number;
}

/**
 * An authority that signs itself, and certificates of servers with local names and addresses. Who trusts it trusts nobody with the rest
 * of the world: its key may lie on a laptop.
 */
export async function createAuthority({ name, days, now }: AuthorityOptions): Promise<CertificateAndKey> {
  const keys = await generateKeys('ecdsa-p256');
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...signingBy(keys),
    serialNumber: createSerial(),
    name: [{ CN: [name] }, { O: ['Tidegate'] }],
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(now + days * DAY_MS),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      new x509.Extension(NAME_CONSTRAINTS, true, localConstraints()),
      await x509.SubjectKeyIdentifierExtension.create(await publicKeyOf(keys)),
    ],
  });
  return { chain: pemOf(certificate), key: keyToPem(keys) };
}

export interface LeafOptions {
  readonly names: readonly string[];
  readonly days: number;
  readonly now: number;
}

/** A certificate for a server by an authority of `createAuthority`; the chain holds the leaf alone. */
export async function createLeaf(
  authority: { readonly certificate: string; readonly key: KeyObject },
  { names, days, now }: LeafOptions,
): Promise<CertificateAndKey> {
  const keys = await generateKeys('ecdsa-p256');
  const issuer = new x509.X509Certificate(authority.certificate);
  const certificate = await x509.X509CertificateGenerator.create({
    publicKey: await publicKeyOf(keys),
    signingKey: importKey(authority.key),
    signingAlgorithm: algorithmOf(authority.key),
    serialNumber: createSerial(),
    subject: [{ CN: [names[0] ?? ''] }, { O: ['Tidegate'] }],
    issuer: issuer.subjectName,
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(Math.min(now + days * DAY_MS, issuer.notAfter.getTime())),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(names.map(generalName)),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
    ],
  });
  return { chain: pemOf(certificate), key: keyToPem(keys) };
}

/** What RFC 9773 section 4.1 calls a certificate by; `undefined` when it names no key of its issuer. */
export function renewalIdentifier(certificate: string): string | undefined {
  const found = new x509.X509Certificate(certificate).getExtension(x509.AuthorityKeyIdentifierExtension);
  if (found?.keyId === undefined) return undefined;
  const serial = Buffer.from(evenHex(new X509Certificate(certificate).serialNumber), 'hex');
  // "the bytes of the DER encoding of the serial number, without tag and length": a number that is not negative.
  const octets = (serial[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), serial]) : serial;
  return `${Buffer.from(found.keyId, 'hex').toString('base64url')}.${octets.toString('base64url')}`;
}

/** RFC 5280 section 4.2.1.10: the names and addresses that are permitted. */
function localConstraints(): Uint8Array<ArrayBuffer> {
  const names = LOCAL_DOMAINS.map((domain) => encodeElement(SEQUENCE, encodeElement(DNS_NAME, Buffer.from(domain))));
  const addresses = localSubnets().map((subnet) => encodeElement(SEQUENCE, encodeElement(IP_ADDRESS, subnet)));
  return Uint8Array.from(encodeElement(SEQUENCE, encodeElement(PERMITTED, ...names, ...addresses)));
}

function evenHex(hex: string): string {
  return hex.length % 2 === 0 ? hex : `0${hex}`;
}

function generalName(name: string): { readonly type: 'dns' | 'ip'; readonly value: string } {
  return { type: isIP(name) === 0 ? 'dns' : 'ip', value: name };
}

/** RFC 5280 section 4.1.2.2: positive, and of at most 20 octets. */
function createSerial(): string {
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  return serial.toString('hex');
}

function signingBy(keys: KeyPair) {
  return {
    keys: { privateKey: importKey(keys.privateKey), publicKey: importKey(keys.publicKey) },
    signingAlgorithm: algorithmOf(keys.privateKey),
  };
}

/** Both what signs and what the key is, in terms of WebCrypto. */
function algorithmOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject) {
  if (asymmetricKeyType === 'rsa') return { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  const isP384 = asymmetricKeyDetails?.namedCurve === 'secp384r1';
  return { name: 'ECDSA', namedCurve: isP384 ? 'P-384' : 'P-256', hash: isP384 ? 'SHA-384' : 'SHA-256' };
}

function importKey(key: KeyObject): CryptoKey {
  return key.toCryptoKey(algorithmOf(key), true, [key.type === 'private' ? 'sign' : 'verify']);
}

async function publicKeyOf({ publicKey }: KeyPair): Promise<x509.PublicKey> {
  return await x509.PublicKey.create(importKey(publicKey));
}

function pemOf(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}
