// OCSP (RFC 6960) for stapling: makes the request for a certificate, and believes a response only when everything about it is right.
// Loads a large library, and so is itself loaded only where a certificate names a responder.
import { createHash, type KeyObject, verify, X509Certificate } from 'node:crypto';
import {
  BasicOCSPResponse,
  CertID,
  id_kp_OCSPSigning,
  id_pkix_ocsp_basic,
  OCSPRequest,
  OCSPResponse,
  OCSPResponseStatus,
  Request,
  type SingleResponse,
  TBSRequest,
} from '@peculiar/asn1-ocsp';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import { AlgorithmIdentifier, Certificate, ExtendedKeyUsage, id_ce_extKeyUsage } from '@peculiar/asn1-x509';
import { childrenOf } from '#server/certificates/der.ts';

/** RFC 6960 section B.1 has SHA-1 for the names of certificates, and RFC 5019 wants nothing else; nothing rests on its strength. */
const SHA1 = '1.3.14.3.2.26';
/** RFC 7633 section 4: 5 is the status_request of TLS. */
const TLS_FEATURE = '1.3.6.1.5.5.7.1.24';
const STATUS_REQUEST = 5;
/** Clocks differ. */
const SKEW_MS = 5 * 60_000;
/** RFC 6960 section 4.2.2.1: without nextUpdate "newer revocation information is available all the time". */
const LIFE_WITHOUT_NEXT_MS = 60 * 60_000;

/** Signature algorithms by identifier, with the hash that Node is to take; SHA-1 is not among them. */
const SIGNATURES: Readonly<Record<string, string | null>> = {
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
  '1.3.101.112': null,
};

/** A certificate and what asking for its status takes. */
export interface Subject {
  readonly certificate: X509Certificate;
  readonly issuer: X509Certificate;
  /** An http URL. */
  readonly responder: string;
}

export interface CheckedResponse {
  /** `good` is the only one to be stapled. */
  readonly status: 'good' | 'revoked' | 'unknown';
  /** Milliseconds since 1970. */
  readonly thisUpdate: number;
  readonly nextUpdate: number;
}

/** RFC 7633: whether clients may insist on a staple. */
export function mustStaple(certificate: X509Certificate): boolean {
  const { extensions = [] } = parseCertificate(certificate).tbsCertificate;
  const feature = extensions.find(({ extnID }) => extnID === TLS_FEATURE);
  if (!feature) return false;
  return childrenOf(new Uint8Array(feature.extnValue.buffer)).some(({ content }) => content.at(-1) === STATUS_REQUEST);
}

/** The request in DER (RFC 5019 section 2.1.1: for one certificate, without a signature). */
export function createOcspRequest(subject: Subject): Uint8Array {
  const request = new OCSPRequest({
    tbsRequest: new TBSRequest({ requestList: [new Request({ reqCert: certId(subject) })] }),
  });
  return new Uint8Array(AsnConvert.serialize(request));
}

/** Checks a response as RFC 6960 section 3.2 and RFC 5019 section 2.2 want it. Throws an Error with what is wrong. */
export function checkOcspResponse(response: Uint8Array, subject: Subject, now: number): CheckedResponse {
  const { responseStatus, responseBytes } = parse(response, OCSPResponse);
  if (responseStatus !== OCSPResponseStatus.successful)
    throw new Error(`the OCSP responder answered ${OCSPResponseStatus[responseStatus] ?? responseStatus}`);
  if (responseBytes?.responseType !== id_pkix_ocsp_basic) throw new Error('the OCSP response is of an unknown kind');
  const bytes = new Uint8Array(responseBytes.response.buffer);
  const basic = parse(bytes, BasicOCSPResponse);
  checkSignature(bytes, basic, subject, now);
  const single = basic.tbsResponseData.responses.find(({ certID }) => isSame(certID, certId(subject)));
  if (!single) throw new Error('the OCSP response is about another certificate');
  return checkTimes(single, now);
}

function checkTimes({ certStatus, thisUpdate, nextUpdate }: SingleResponse, now: number): CheckedResponse {
  const since = thisUpdate.getTime();
  const until = nextUpdate?.getTime() ?? since + LIFE_WITHOUT_NEXT_MS;
  // "The time at which the status being indicated is known to be correct (thisUpdate) is sufficiently recent."
  if (since > now + SKEW_MS) throw new Error('the OCSP response is of the future');
  if (until <= now) throw new Error('the OCSP response is out of date');
  const status = certStatus.revoked ? 'revoked' : certStatus.good === null ? 'good' : 'unknown';
  return { status, thisUpdate: since, nextUpdate: until };
}

function checkSignature(bytes: Uint8Array, basic: BasicOCSPResponse, { issuer }: Subject, now: number): void {
  const { algorithm } = basic.signatureAlgorithm;
  const hash = SIGNATURES[algorithm];
  if (hash === undefined)
    throw new Error(`the OCSP response is signed by an algorithm that is not accepted: ${algorithm}`);
  const [signed, , , certificates] = childrenOf(bytes);
  if (!signed) throw new Error('the OCSP response is empty');
  const isSignedBy = (key: KeyObject) => verify(hash, signed.whole, key, new Uint8Array(basic.signature));
  if (isSignedBy(issuer.publicKey)) return;
  const [list] = certificates ? childrenOf(certificates.whole) : [];
  for (const { whole } of list ? childrenOf(list.whole) : []) {
    const signer = new X509Certificate(whole);
    if (mayAnswerFor(signer, issuer, now) && isSignedBy(signer.publicKey)) return;
  }
  throw new Error('the OCSP response is not signed by the issuer of the certificate, nor by whom it has allowed to');
}

/**
 * RFC 6960 section 4.2.2.2: "systems or applications that rely on OCSP responses MUST reject the response if the certificate required
 * to validate the signature on the response does not meet" one of: it is the issuer's own, or one issued by it for OCSP signing.
 */
function mayAnswerFor(signer: X509Certificate, issuer: X509Certificate, now: number): boolean {
  if (!signer.checkIssued(issuer) || !signer.verify(issuer.publicKey)) return false;
  if (now + SKEW_MS < signer.validFromDate.getTime() || now > signer.validToDate.getTime()) return false;
  const usage = parseCertificate(signer).tbsCertificate.extensions?.find(({ extnID }) => extnID === id_ce_extKeyUsage);
  return usage !== undefined && AsnConvert.parse(usage.extnValue.buffer, ExtendedKeyUsage).includes(id_kp_OCSPSigning);
}

/** RFC 6960 section 4.1.1. */
function certId({ certificate, issuer }: Subject): CertID {
  const { tbsCertificate } = parseCertificate(certificate);
  const { subjectPublicKeyInfo } = parseCertificate(issuer).tbsCertificate;
  const sha1 = (bytes: ArrayBuffer) => new OctetString(createHash('sha1').update(new Uint8Array(bytes)).digest());
  return new CertID({
    // RFC 3370 section 2.1 and RFC 5019: the parameters of SHA-1 are NULL here.
    hashAlgorithm: new AlgorithmIdentifier({ algorithm: SHA1, parameters: new Uint8Array([0x05, 0x00]).buffer }),
    issuerNameHash: sha1(AsnConvert.serialize(tbsCertificate.issuer)),
    issuerKeyHash: sha1(subjectPublicKeyInfo.subjectPublicKey),
    serialNumber: tbsCertificate.serialNumber,
  });
}

/** What the hashes are of is the same on both sides; the parameters of the hash may be there or not. */
function isSame(one: CertID, other: CertID): boolean {
  const equal = (a: ArrayBuffer, b: ArrayBuffer) => Buffer.from(a).equals(Buffer.from(b));
  return (
    one.hashAlgorithm.algorithm === other.hashAlgorithm.algorithm &&
    equal(one.issuerNameHash.buffer, other.issuerNameHash.buffer) &&
    equal(one.issuerKeyHash.buffer, other.issuerKeyHash.buffer) &&
    equal(one.serialNumber, other.serialNumber)
  );
}

function parseCertificate(certificate: X509Certificate): Certificate {
  return AsnConvert.parse(certificate.raw, Certificate);
}

function parse<Shape>(bytes: Uint8Array, shape: new () => Shape): Shape {
  try {
    return AsnConvert.parse(bytes, shape);
  } catch {
    throw new Error('the OCSP response cannot be read');
  }
}
