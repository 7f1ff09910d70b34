// Names what ended a connection to an endpoint, or kept it from standing, in RFC 9209's terms.
import { describeError, type Log } from '#lib/log.ts';
import type { StreamFault } from '#model/byte-stream.ts';
import { plainReason } from '#model/plain-reason.ts';
import { type ErrorCode, ProxyError } from '#model/proxy-error.ts';

const CODES: Readonly<Record<string, ErrorCode>> = {
  ECONNREFUSED: 'connection_refused',
  ECONNRESET: 'connection_refused',
  ENOENT: 'connection_refused',
  EACCES: 'connection_refused',
  ETIMEDOUT: 'connection_timeout',
  EHOSTUNREACH: 'destination_ip_unroutable',
  ENETUNREACH: 'destination_ip_unroutable',
  EADDRNOTAVAIL: 'destination_ip_unroutable',
  ENOTFOUND: 'dns_error',
  EAI_AGAIN: 'dns_error',
};

/** Errors of this machine, for which no endpoint is to blame: it has no more file descriptors, memory or, for UDP, ports. */
const OWN_ERRORS: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRINUSE']);

/** What OpenSSL finds wrong with certificates (x509_vfy.h), and what Node.js does with names. */
const CERTIFICATE_ERROR =
  /^(?:ERR_TLS_CERT_|CERT_|CRL_|UNABLE_TO_|ERROR_IN_C|DEPTH_ZERO_|SELF_SIGNED_|INVALID_(?:CA|PURPOSE)|PATH_LENGTH_|HOSTNAME_MISMATCH|UNSPECIFIED)/;
const CERTIFICATE_ALERT = /_ALERT_(?:\w*CERTIFICATE\w*|UNKNOWN_CA|ACCESS_DENIED|DECRYPT_ERROR)$/;
const ALERT = /^ERR_SSL_\w*\W?\w*_ALERT_|^ERR_SSL_TLSV1_(?:UNRECOGNIZED_NAME|UNSUPPORTED_EXTENSION|BAD_CERTIFICATE_)/;

/** The error for a connection that never stood; nothing was sent on it. */
export function connectError(cause: NodeJS.ErrnoException | undefined): ProxyError {
  const name = cause?.code ?? '';
  if (OWN_ERRORS.has(name)) return new ProxyError('connection_limit_reached', `no socket: ${name}`, { cause });
  const tlsCode = cause && tlsErrorCode(cause);
  if (tlsCode) return new ProxyError(tlsCode, plainReason(cause), { cause });
  const code = CODES[name] ?? 'connection_refused';
  return new ProxyError(code, `connecting failed${name === '' ? '' : `: ${name}`}`, { cause, retryable: 'always' });
}

/**
 * The error for a connection that the endpoint ended, before it sent anything, with an alert about the certificate of the gateway.
 * By TLS 1.3 that comes when our side of the handshake is over and the request has been sent; nobody has read it, as the endpoint's
 * side was not over (RFC 8446 4.4.2.4). `undefined` when something else has happened.
 */
export function refusedCertificate(cause: NodeJS.ErrnoException | undefined): ProxyError | undefined {
  if (!cause || !CERTIFICATE_ALERT.test(cause.code ?? '')) return undefined;
  return new ProxyError('tls_alert_received', plainReason(cause), { cause });
}

/** The error for a connection that a fault of ours ended; it is logged. */
export function faultError(cause: StreamFault, log: Log): ProxyError {
  log.error('a connection to an endpoint failed inside the gateway', { error: describeError(cause) });
  return new ProxyError('proxy_internal_error', undefined, { cause });
}

/** The code of a handshake that failed; `undefined` when something else has. */
function tlsErrorCode({ code = '', syscall }: NodeJS.ErrnoException): ErrorCode | undefined {
  if (CERTIFICATE_ERROR.test(code)) return 'tls_certificate_error';
  if (ALERT.test(code)) return 'tls_alert_received';
  // Node's own error where the other side ends the connection within the handshake, which no system call has reported.
  const isCut = code === 'ECONNRESET' && syscall === undefined;
  return isCut || /^ERR_(?:SSL|TLS)_|^EPROTO$/.test(code) ? 'tls_protocol_error' : undefined;
}
