// What a client's certificate says, once the handshake has found that it is vouched for.
import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { commonNameIn, formatDistinguishedName, parseAlternativeNames } from '#lib/x509-names.ts';
import type { ClientCertificate } from '#model/tls.ts';

/** An authority that was issued by none of those that are known stands behind at most so many others. */
const MAX_ISSUERS = 10;

export interface ClientVerdict {
  readonly clientAsked: boolean;
  readonly client: ClientCertificate | undefined;
  /** Why there is none though the client has shown one; else ''. */
  readonly clientProblem: string;
}

/** Of a peer that was not asked. */
export const NOT_ASKED: ClientVerdict = { clientAsked: false, client: undefined, clientProblem: '' };

/** Of a peer that was asked; `problem` is what OpenSSL finds wrong with its certificate, `now` in milliseconds since 1970. */
export function judgeClient(socket: TLSSocket, problem: string | undefined, now: number): ClientVerdict {
  const refuse = (clientProblem: string) => ({ clientAsked: true, client: undefined, clientProblem });
  const shown = socket.getPeerX509Certificate();
  if (!shown) return refuse('');
  if (problem !== undefined) return refuse(problem);
  // A session that is resumed was verified when it began.
  if (now > shown.validToDate.getTime()) return refuse('CERT_HAS_EXPIRED');
  return { clientAsked: true, client: describe(shown), clientProblem: '' };
}

function describe(certificate: X509Certificate): ClientCertificate {
  const { subject, issuer, subjectAltName, fingerprint256, serialNumber, raw } = certificate;
  const names = parseAlternativeNames(subjectAltName ?? '').map(({ type, value }) =>
    type === 'DNS' ? { type, value: value.toLowerCase() } : { type, value },
  );
  return {
    subject: formatDistinguishedName(subject),
    issuer: formatDistinguishedName(issuer),
    commonName: commonNameIn(subject),
    names: names.map(({ value }) => value),
    hostNames: names.filter(({ type }) => type === 'DNS').map(({ value }) => value),
    fingerprint: fingerprint256.replaceAll(':', '').toLowerCase(),
    serialNumber,
    der: raw,
    issuers: issuersOf(certificate),
  };
}

function issuersOf(certificate: X509Certificate): readonly Uint8Array[] {
  const issuers: Uint8Array[] = [];
  for (let next = certificate.issuerCertificate; next && issuers.length < MAX_ISSUERS; next = next.issuerCertificate) {
    // The anchor itself is known to whoever believes it (RFC 9440 2.3).
    if (next.subject === next.issuer) break;
    issuers.push(next.raw);
  }
  return issuers;
}
