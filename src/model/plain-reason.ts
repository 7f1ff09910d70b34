// Why a connection to an endpoint failed, in plain words: for the log and for what probes find.
import type { PeerCertificate } from 'node:tls';

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection reset',
  ETIMEDOUT: 'connection timed out',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ENOENT: 'no such socket',
  ENOTFOUND: 'the name does not resolve',
  EAI_AGAIN: 'the name does not resolve now',
  CERT_HAS_EXPIRED: 'the certificate has expired',
  CERT_NOT_YET_VALID: 'the certificate is not valid yet',
  CERT_REVOKED: 'the certificate was revoked',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate is signed by itself and not trusted',
  SELF_SIGNED_CERT_IN_CHAIN: 'the certificate is of an authority that is not trusted',
  UNABLE_TO_GET_ISSUER_CERT: 'the certificate is of an authority that is not trusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'the certificate is of an authority that is not trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the certificate is of an authority that is not trusted',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the endpoint does not speak TLS',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'the endpoint does not speak TLS',
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: 'the endpoint speaks none of the protocols offered by ALPN',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'the endpoint speaks no version of TLS that will do',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'the endpoint speaks no version of TLS that will do',
  ERR_SSL_TLSV1_UNRECOGNIZED_NAME: 'the endpoint does not know the name that was asked for',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'the endpoint wants a certificate of its client',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'the endpoint does not trust the certificate of its client',
};

/** Errors of OpenSSL name what they are about beside a message that is full of its insides. */
type TlsError = NodeJS.ErrnoException & { readonly library?: string; readonly reason?: string };

/** Why a connection failed, for people. */
export function plainReason(error: TlsError): string {
  if (error.code === 'ERR_TLS_CERT_ALTNAME_INVALID') return wrongName(error as Error & { cert?: PeerCertificate });
  // Node's own error where the other side ends the connection, which no system call has reported.
  if (error.code === 'ECONNRESET' && error.syscall === undefined) return 'the connection was closed early';
  const known = REASONS[error.code ?? ''];
  if (known === undefined && error.library && error.reason) return `TLS failed: ${error.reason}`;
  return known ?? error.message;
}

function wrongName({ cert, message }: Error & { cert?: PeerCertificate }): string {
  const names = cert?.subjectaltname?.replaceAll('DNS:', '').replaceAll('IP Address:', '');
  return names === undefined
    ? `the certificate is for another name: ${message}`
    : `the certificate is for ${names} only`;
}
