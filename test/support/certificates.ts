// Certificates for tests, made afresh: an authority and what it signs, or what is wrong with it on purpose. X.509 by hand (RFC 5280),
// because Node makes none and not every machine has a program for it.
import { generateKeyPairSync, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';

export interface Certificate {
  /** In PEM, as is `key`. */
  readonly cert: string;
  readonly key: string;
}

export interface Authority extends Certificate {
  issue(options: IssueOptions): Certificate;
  /** Another authority that this one vouches for. */
  subordinate(name: string): Authority;
  /** A list of revoked certificates, in PEM, that runs out after so many days. */
  revoke(certificates: readonly Certificate[], validForDays?: number): string;
}

export interface IssueOptions {
  /** DNS names, IPv4 addresses and URIs; the first is the common name too. */
  readonly names: readonly string[];
  /** Days from now; 1 by default. */
  readonly validForDays?: number;
  /** `ecdsa` by default. */
  readonly keyType?: 'ecdsa' | 'rsa' | 'ed25519';
}

const DAY_MS = 86_400_000;

// Tags of ASN.1 (X.690).
const BOOLEAN = 0x01;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const OBJECT_IDENTIFIER = 0x06;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
const SEQUENCE = 0x30;
const SET = 0x31;
const CONTEXT = 0xa0;
/** Names within subjectAltName. */
const DNS_NAME = 0x82;
const IP_ADDRESS = 0x87;
const URI = 0x86;

const COMMON_NAME = der(OBJECT_IDENTIFIER, Buffer.from('550403', 'hex'));
const BASIC_CONSTRAINTS = der(OBJECT_IDENTIFIER, Buffer.from('551d13', 'hex'));
const SUBJECT_ALT_NAME = der(OBJECT_IDENTIFIER, Buffer.from('551d11', 'hex'));
const ECDSA_WITH_SHA256 = der(SEQUENCE, der(OBJECT_IDENTIFIER, Buffer.from('2a8648ce3d040302', 'hex')));
const TRUE = der(BOOLEAN, Buffer.from([0xff]));

/** An authority that signs itself. */
export function createAuthority(name = 'Tests'): Authority {
  return authorityOf(name, undefined);
}

interface Issuer {
  readonly name: Buffer;
  readonly key: KeyObject;
}

/** Signed by `parent`, or by itself. */
function authorityOf(name: string, parent: Issuer | undefined): Authority {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issuer = { name: nameOf(name), key: privateKey };
  const constraints = extension(BASIC_CONSTRAINTS, der(SEQUENCE, TRUE));
  return {
    cert: certificate(parent ?? issuer, { subject: issuer.name, publicKey, days: 1, extensions: constraints }),
    key: pem(privateKey),
    subordinate: (other) => authorityOf(other, issuer),
    revoke: (certificates, validForDays = 1) => revocationList(issuer, certificates, validForDays),
    issue({ names, validForDays = 1, keyType = 'ecdsa' }) {
      const own = generateKeys(keyType);
      const cert = certificate(issuer, {
        subject: nameOf(names[0] ?? ''),
        publicKey: own.publicKey,
        days: validForDays,
        extensions: extension(SUBJECT_ALT_NAME, der(SEQUENCE, ...names.map(generalName))),
      });
      return { cert, key: pem(own.privateKey) };
    },
  };
}

function generateKeys(type: NonNullable<IssueOptions['keyType']>) {
  if (type === 'rsa') return generateKeyPairSync('rsa', { modulusLength: 2048 });
  return type === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

interface Subject {
  readonly subject: Buffer;
  readonly publicKey: KeyObject;
  readonly days: number;
  readonly extensions: Buffer;
}

/** RFC 5280 4.1. */
function certificate(issuer: Issuer, about: Subject): string {
  const content = der(
    SEQUENCE,
    der(CONTEXT, der(INTEGER, Buffer.from([2]))),
    der(INTEGER, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ECDSA_WITH_SHA256,
    issuer.name,
    der(SEQUENCE, time(-2), time(about.days)),
    about.subject,
    about.publicKey.export({ type: 'spki', format: 'der' }),
    der(CONTEXT + 3, der(SEQUENCE, about.extensions)),
  );
  return signed('CERTIFICATE', content, issuer.key);
}

/** RFC 5280 5.1. */
function revocationList(issuer: Issuer, certificates: readonly Certificate[], days: number): string {
  const revoked = certificates.map(({ cert }) => {
    const serial = Buffer.from(new X509Certificate(cert).serialNumber, 'hex');
    return der(SEQUENCE, der(INTEGER, serial), time(-1));
  });
  const list = revoked.length > 0 ? [der(SEQUENCE, ...revoked)] : [];
  const version = der(INTEGER, Buffer.from([1]));
  const content = der(SEQUENCE, version, ECDSA_WITH_SHA256, issuer.name, time(-2), time(days), ...list);
  return signed('X509 CRL', content, issuer.key);
}

/** What is signed, with the signature, in PEM. */
function signed(label: string, content: Buffer, key: KeyObject): string {
  const signature = Buffer.concat([Buffer.from([0]), sign('sha256', content, key)]);
  const whole = der(SEQUENCE, content, ECDSA_WITH_SHA256, der(BIT_STRING, signature));
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

function nameOf(text: string): Buffer {
  return der(SEQUENCE, der(SET, der(SEQUENCE, COMMON_NAME, der(UTF8_STRING, Buffer.from(text)))));
}

function generalName(name: string): Buffer {
  if (name.includes(':')) return der(URI, Buffer.from(name));
  return isIP(name) === 4
    ? der(IP_ADDRESS, Buffer.from(name.split('.').map(Number)))
    : der(DNS_NAME, Buffer.from(name));
}

function extension(identifier: Buffer, value: Buffer): Buffer {
  return der(SEQUENCE, identifier, TRUE, der(OCTET_STRING, value));
}

/** So many days from now, as YYMMDDHHMMSSZ. */
function time(days: number): Buffer {
  const text = new Date(Date.now() + days * DAY_MS).toISOString().replace(/[-:T]|\.\d+/g, '');
  return der(UTC_TIME, Buffer.from(text.slice(2)));
}

function pem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** A tag, the length of the content, and the content. */
function der(tag: number, ...content: readonly Buffer[]): Buffer {
  const bytes = Buffer.concat(content);
  const { length } = bytes;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), bytes]);
}
