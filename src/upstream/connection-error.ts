// Names what ended a connection to an endpoint, or kept it from standing, in RFC 9209's terms.
import { describeError, type Log } from '#lib/log.ts';
import type { StreamFault } from '#model/byte-stream.ts';
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

/** The error for a connection that never stood; nothing was sent on it. */
export function connectError(cause: NodeJS.ErrnoException | undefined): ProxyError {
  if (OWN_ERRORS.has(cause?.code ?? ''))
    return new ProxyError('connection_limit_reached', `no socket: ${cause?.code}`, { cause });
  const code = CODES[cause?.code ?? ''] ?? 'connection_refused';
  return new ProxyError(code, `connecting failed${cause?.code ? `: ${cause.code}` : ''}`, {
    cause,
    retryable: 'always',
  });
}

/** The error for a connection that a fault of ours ended; it is logged. */
export function faultError(cause: StreamFault, log: Log): ProxyError {
  log.error('a connection to an endpoint failed inside the gateway', { error: describeError(cause) });
  return new ProxyError('proxy_internal_error', undefined, { cause });
}
