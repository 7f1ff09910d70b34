// The ways in which an attempt at an endpoint fails, as the option `eject.on` names them.
import type { ErrorCode, ProxyError } from './proxy-error.ts';

export const FAILURE_KINDS = [
  'connect',
  'timeout',
  'reset',
  'invalid-response',
  'gateway-error',
  'server-error',
] as const;

export type FailureKind = (typeof FAILURE_KINDS)[number];

/** Codes of errors that another attempt may follow; those on the endpoint's side that are not named are responses that are not valid. */
const BY_CODE: Partial<Record<ErrorCode, FailureKind>> = {
  connection_refused: 'connect',
  connection_timeout: 'connect',
  destination_ip_unroutable: 'connect',
  dns_error: 'connect',
  tls_protocol_error: 'connect',
  tls_certificate_error: 'connect',
  tls_alert_received: 'connect',
  connection_read_timeout: 'timeout',
  connection_limit_reached: 'timeout',
  connection_write_timeout: 'timeout',
  http_response_timeout: 'timeout',
  connection_terminated: 'reset',
  http_response_incomplete: 'reset',
};

/** The kind of an attempt that failed without a response. */
export function failureKindOf({ code, retryable }: Pick<ProxyError, 'code' | 'retryable'>): FailureKind {
  // An endpoint that speaks another protocol has got nothing: there is no connection of the kind that is wanted.
  return BY_CODE[code] ?? (retryable === 'always' ? 'connect' : 'invalid-response');
}

/** The kind of a response that counts as a failure by `on`; `undefined` when it does not. */
export function failureKindOfStatus(status: number, on: ReadonlySet<FailureKind>): FailureKind | undefined {
  if (status < 500) return undefined;
  // By these a gateway in front of the application says that it failed.
  if (status >= 502 && status <= 504 && on.has('gateway-error')) return 'gateway-error';
  return on.has('server-error') ? 'server-error' : undefined;
}
