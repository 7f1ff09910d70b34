// Makes a version-free Response of an HTTP/1.1 response head, and a ProxyError of one that is none.
import { formatHttpDate } from '#http/date.ts';
import { Fields } from '#http/fields.ts';
import { UNKNOWN_LENGTH } from '#model/body.ts';
import type { Response } from '#model/message.ts';
import { ProxyError } from '#model/proxy-error.ts';
import type { IncomingFraming } from '#net/incoming-body.ts';
import type { ResponseHead } from '#wire/http1/response-head.ts';
import { Violation } from '#wire/http1/violation.ts';

/** Connections are few: a client that is slow to take the last of a response, or a small one, does not keep one from others. */
const READ_AHEAD_BYTES = 65536;

/** Returns the response without its body. `wallMs` is the time of its receipt. */
export function toResponse(head: ResponseHead, method: string, wallMs: number): Response {
  const { section } = head;
  // RFC 9110 6.6.1: a recipient with a clock "MUST record the time it was received and append a corresponding Date header
  // field to the message's header section if it is cached or forwarded downstream".
  const text = section.hasDate ? section.text : `${section.text}date: ${formatHttpDate(wallMs)}\r\n`;
  return {
    status: head.status,
    reason: head.reason,
    fields: new Fields(text),
    length: lengthOf(head, method),
    body: undefined,
    tunnel: undefined,
  };
}

/** How the content behind the head is framed; there is some. */
export function contentFraming(
  { framing, section }: ResponseHead,
  maxTrailerBytes: number,
  maxTrailers: number,
): IncomingFraming {
  return {
    type: framing === 'chunked' || framing === 'close' ? framing : 'length',
    length: section.contentLength,
    maxTrailerBytes,
    maxTrailers,
    maxBytes: Number.POSITIVE_INFINITY,
    readAheadBytes: READ_AHEAD_BYTES,
  };
}

/** Whether the connection may be used again behind this response (RFC 9112 9.3). */
export function keepsConnection({ section, minorVersion, framing }: ResponseHead): boolean {
  return framing !== 'close' && (minorVersion > 0 ? !section.close : section.keepAlive);
}

/** How long the connection may idle: an origin that tells its timeout gets no request in the last second before it. */
export function idleLimitMs({ section }: ResponseHead): number {
  return section.keepAliveSeconds < 0 ? Number.POSITIVE_INFINITY : Math.max(1, section.keepAliveSeconds - 1) * 1000;
}

/** The error for a response that cannot be read. */
export function protocolError(error: unknown): ProxyError {
  if (error instanceof ProxyError) return error;
  if (!(error instanceof Violation)) return new ProxyError('proxy_internal_error', undefined, { cause: error });
  const code = error.kind === 'head-too-large' ? 'http_response_header_section_size' : 'http_protocol_error';
  return new ProxyError(code, `the origin's response is invalid: ${error.message}`);
}

function lengthOf({ framing, section, status }: ResponseHead, method: string): number {
  if (framing === 'chunked' || framing === 'close' || status === 204) return UNKNOWN_LENGTH;
  // What HEAD and 304 announce is the length the content would have (RFC 9110 8.6).
  if (framing === 'none' && status !== 304 && method !== 'HEAD') return 0;
  return section.contentLength;
}
