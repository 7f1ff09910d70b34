// An authority with an OCSP responder for tests: certificates that name it, and answers that are right or wrong as the test wants.
import 'reflect-metadata';
import { createHash, generateKeyPairSync, type KeyObject, sign, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  BasicOCSPResponse,
  CertStatus,
  KeyHash,
  OCSPRequest,
  OCSPResponse,
  OCSPResponseStatus,
  ResponderID,
  ResponseBytes,
  ResponseData,
  RevokedInfo,
  SingleResponse,
} from '@peculiar/asn1-ocsp';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import { AlgorithmIdentifier, Certificate } from '@peculiar/asn1-x509';
import * as x509 from '@peculiar/x509';
import type { CleansUp } from './gateway.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const HOUR_MS = 3_600_000;
const BASIC = '1.3.6.1.5.5.7.48.1.1';
const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';
const TLS_FEATURE = '1.3.6.1.5.5.7.1.24';

/** How the responder answers; may be changed at any time. */
export interface OcspBehaviour {
  status: 'good' | 'revoked' | 'unknown';
  /** Milliseconds from the time of the answer on. */
  thisUpdate: number;
  nextUpdate: number | undefined;
  /** Who signs: the issuer, one whom it has allowed to or has not, or somebody else. */
  signer: 'issuer' | 'delegate' | 'delegate-without-usage' | 'stranger';
  responseStatus: OCSPResponseStatus;
  /** Whether the answer is about the certificate that was asked about. */
  isAboutIt: boolean;
  /** Instead of an answer. */
  httpStatus: number;
}

export interface OcspAuthority {
  readonly behaviour: OcspBehaviour;
  /** Requests so far. */
  readonly requests: { readonly method: string; readonly url: string }[];
  /** The authority itself, in PEM. */
  readonly certificate: string;
  readonly url: string;
  issue(options: {
    readonly names: readonly string[];
    readonly mustStaple?: boolean;
    readonly path?: string;
  }): Promise<{
    /** With the authority behind the leaf. */
    readonly chain: string;
    readonly key: string;
  }>;
  /** An answer in DER to a request in DER, by the behaviour. */
  answer(request: Uint8Array, now?: number): Promise<Uint8Array>;
}

export async function startOcspAuthority(t: CleansUp): Promise<OcspAuthority> {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    keys: cryptoKeys(keys),
    signingAlgorithm: ALGORITHM,
    name: 'CN=OCSP tests',
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  const behaviour: OcspBehaviour = {
    status: 'good',
    thisUpdate: -HOUR_MS,
    nextUpdate: 3 * HOUR_MS,
    signer: 'issuer',
    responseStatus: OCSPResponseStatus.successful,
    isAboutIt: true,
    httpStatus: 200,
  };
  const requests: { readonly method: string; readonly url: string }[] = [];
  const server = createServer(async ({ method = '', url = '', ...rest }, response) => {
    void rest;
    requests.push({ method, url });
    const request = Buffer.from(decodeURIComponent(url.slice(url.lastIndexOf('/') + 1)), 'base64');
    response.writeHead(behaviour.httpStatus, { 'content-type': 'application/ocsp-response' });
    response.end(behaviour.httpStatus === 200 ? await answer(request) : undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function certify(subject: string, key: KeyObject, extensions: x509.Extension[]): Promise<x509.X509Certificate> {
    return await x509.X509CertificateGenerator.create({
      subject,
      issuer: root.subject,
      publicKey: await x509.PublicKey.create(key.toCryptoKey(ALGORITHM, true, ['verify'])),
      signingKey: cryptoKeys(keys).privateKey,
      signingAlgorithm: ALGORITHM,
      notBefore: new Date(Date.now() - HOUR_MS),
      notAfter: new Date(Date.now() + 90 * 24 * HOUR_MS),
      extensions,
    });
  }

  async function answer(request: Uint8Array, now = Date.now()): Promise<Uint8Array> {
    const { status, thisUpdate, nextUpdate, responseStatus, isAboutIt, signer } = behaviour;
    const [asked] = AsnConvert.parse(request, OCSPRequest).tbsRequest.requestList;
    if (!asked) throw new Error('a request about nothing');
    if (!isAboutIt) asked.reqCert.serialNumber = new Uint8Array([1, 2, 3]).buffer;
    const tbsResponseData = new ResponseData({
      responderID: new ResponderID({ byKey: new KeyHash(keyHash(root)) }),
      producedAt: new Date(now),
      responses: [
        new SingleResponse({
          certID: asked.reqCert,
          certStatus: statusOf(status, now),
          thisUpdate: new Date(now + thisUpdate),
          ...(nextUpdate !== undefined && { nextUpdate: new Date(now + nextUpdate) }),
        }),
      ],
    });
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const isDelegate = signer.startsWith('delegate');
    const usage = signer === 'delegate' ? '1.3.6.1.5.5.7.3.9' : x509.ExtendedKeyUsage.serverAuth;
    const delegate =
      isDelegate && (await certify('CN=Responder', other.publicKey, [new x509.ExtendedKeyUsageExtension([usage])]));
    const signed = Buffer.from(AsnConvert.serialize(tbsResponseData));
    const basic = new BasicOCSPResponse({
      tbsResponseData,
      signatureAlgorithm: new AlgorithmIdentifier({ algorithm: ECDSA_WITH_SHA256 }),
      signature: toBuffer(sign('sha256', signed, signer === 'issuer' ? keys.privateKey : other.privateKey)),
      ...(delegate && { certs: [AsnConvert.parse(delegate.rawData, Certificate)] }),
    });
    const response = new OCSPResponse({
      responseStatus,
      responseBytes: new ResponseBytes({
        responseType: BASIC,
        response: new OctetString(AsnConvert.serialize(basic)),
      }),
    });
    return new Uint8Array(AsnConvert.serialize(response));
  }

  return {
    behaviour,
    requests,
    certificate: root.toString('pem'),
    url,
    answer,
    async issue({ names, mustStaple = false, path = '' }) {
      const own = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const leaf = await certify(`CN=${names[0]}`, own.publicKey, [
        new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns', value }))),
        new x509.AuthorityInfoAccessExtension({ ocsp: [`${url}${path}`] }),
        ...(mustStaple ? [new x509.Extension(TLS_FEATURE, false, Buffer.from('3003020105', 'hex'))] : []),
      ]);
      return {
        chain: `${leaf.toString('pem')}\n${root.toString('pem')}\n`,
        key: own.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      };
    },
  };
}

function statusOf(status: OcspBehaviour['status'], now: number): CertStatus {
  if (status === 'good') return new CertStatus({ good: null });
  if (status === 'unknown') return new CertStatus({ unknown: null });
  return new CertStatus({ revoked: new RevokedInfo({ revocationTime: new Date(now) }) });
}

function cryptoKeys({ publicKey, privateKey }: { readonly publicKey: KeyObject; readonly privateKey: KeyObject }) {
  return {
    publicKey: publicKey.toCryptoKey(ALGORITHM, true, ['verify']),
    privateKey: privateKey.toCryptoKey(ALGORITHM, true, ['sign']),
  };
}

function keyHash(certificate: x509.X509Certificate): ArrayBuffer {
  const { publicKey } = new X509Certificate(certificate.toString('pem'));
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  // An uncompressed point of P-256 has 65 octets.
  return toBuffer(createHash('sha1').update(spki.subarray(-65)).digest());
}

function toBuffer(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
