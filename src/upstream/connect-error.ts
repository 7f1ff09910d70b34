// Names a failed connection attempt in RFC 9209's terms.
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

/** The error for a connection that never stood; nothing was sent on it. */
export function connectError(cause: NodeJS.ErrnoException | undefined): ProxyError {
  const code = CODES[cause?.code ?? ''] ?? 'connection_refused';
  return new ProxyError(code, `connecting failed${cause?.code ? `: ${cause.code}` : ''}`, {
    cause,
    retryable: 'always',
  });
}
