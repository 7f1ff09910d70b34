// Makes a version-free Response of the head of an HTTP/2 response, and a ProxyError of what has ended a stream or a connection.
import { formatHttpDate } from '#http/date.ts';
import { Fields } from '#http/fields.ts';
import { UNKNOWN_LENGTH } from '#model/body.ts';
import type { Response } from '#model/message.ts';
import { ProxyError } from '#model/proxy-error.ts';
import { TOO_LARGE } from '#wire/http2/client-session.ts';
import type { ResponseFields } from '#wire/http2/response-fields.ts';
import type { StreamLoss } from '#wire/http2/stream.ts';

/** Returns the response without its body. `wallMs` is the time of its receipt; `isEnd` tells that there is no content. */
export function toHttp2Response(head: ResponseFields, method: string, wallMs: number, isEnd: boolean): Response {
  // RFC 9110 6.6.1: see `toResponse` of HTTP/1.1.
  const text = head.hasDate ? head.text : `${head.text}date: ${formatHttpDate(wallMs)}\r\n`;
  return {
    status: head.status,
    reason: '',
    fields: new Fields(text),
    length: lengthOf(head, method, isEnd),
    body: undefined,
    tunnel: undefined,
  };
}

/** The error for a wait for a connection, or for a turn on one, that took too long. */
export function waitError(awaits: 'opening' | 'turn'): ProxyError {
  if (awaits === 'opening') return new ProxyError('connection_timeout');
  return new ProxyError('connection_limit_reached', 'no stream became free in time');
}

/** What is known of the connection of a stream that was lost. */
export interface LossSurroundings {
  /** Whether the connection has served requests before, and nothing has come on it since it had none. */
  readonly isStale: boolean;
  /** Whether the endpoint has ended it without an error, and has taken some request before. */
  readonly endsInOrder: boolean;
}

/** The error for a stream that was lost before the response head was here. */
export function lossError(loss: StreamLoss, { isStale, endsInOrder }: LossSurroundings): ProxyError {
  const { by, code, reason } = loss;
  if (by === 'breach') return breachError(reason);
  if (loss.isUnprocessed) {
    // RFC 9113 8.7: what is beyond the last stream of GOAWAY, or refused, was not processed. The end of a connection that has served is
    // no failure of the endpoint. One that takes nothing at all would be asked for ever, if that were none.
    return new ProxyError('connection_terminated', `the endpoint has not taken the request: ${reason}`, {
      retryable: 'always',
      stale: endsInOrder,
    });
  }
  if (by === 'peer') return new ProxyError('connection_terminated', `the endpoint has ended the stream: ${code}`);
  return new ProxyError('connection_terminated', reason, { stale: isStale });
}

/** The same behind the response head. */
export function incompleteError({ by, reason }: StreamLoss): ProxyError {
  return by === 'breach' ? breachError(reason) : new ProxyError('http_response_incomplete', reason);
}

function breachError(reason: string): ProxyError {
  const code = reason === TOO_LARGE ? 'http_response_header_section_size' : 'http_protocol_error';
  return new ProxyError(code, `the origin's response is invalid: ${reason}`);
}

function lengthOf({ status, contentLength }: ResponseFields, method: string, isEnd: boolean): number {
  if (status === 204) return UNKNOWN_LENGTH;
  const length = contentLength >= 0 ? contentLength : UNKNOWN_LENGTH;
  return isEnd ? wholeLength({ status, length }, method) : length;
}

/** The length of a response that has ended, as far as it is known; what was not announced is then 0. */
export function wholeLength({ status, length }: { readonly status: number; readonly length: number }, method: string) {
  return length === UNKNOWN_LENGTH && method !== 'HEAD' && status !== 304 && status !== 204 ? 0 : length;
}
