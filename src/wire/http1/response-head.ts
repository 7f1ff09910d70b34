// Reads the head of an HTTP/1.1 response (RFC 9112 4, 6), as strictly as a request's.
import { type FieldSection, parseFieldSection } from './field-section.ts';
import type { Framing } from './request-head.ts';
import { Violation } from './violation.ts';

export interface ResponseHead {
  readonly status: number;
  readonly reason: string;
  readonly minorVersion: number;
  readonly section: FieldSection;
  readonly framing: Framing;
}

/**
 * Reads the head that is `text` up to `end`, behind the empty line. `method` is that of the request it answers.
 * Throws a `Violation`.
 */
export function parseResponseHead(text: string, end: number, method: string, maxFields: number): ResponseHead {
  const lineEnd = text.indexOf('\r\n');
  const minorVersion = text.startsWith('HTTP/1.1 ') ? 1 : parseVersion(text);
  const status = parseStatus(text, lineEnd);
  // RFC 9112 4: the space behind the status is there even without a reason; it carries no framing, so its lack is let pass.
  const reason = text.slice(13, lineEnd);
  if (!isReason(reason)) throw new Violation('malformed', 'forbidden character in the reason phrase');
  const section = parseFieldSection(text, lineEnd + 2, end - 2, maxFields);
  return { status, reason, minorVersion, section, framing: responseFraming(section, status, method, minorVersion) };
}

function parseVersion(text: string): number {
  if (/^HTTP\/1\.[2-9] /.test(text)) return 1;
  if (text.startsWith('HTTP/1.0 ')) return 0;
  throw new Violation('malformed', 'the status line has no HTTP/1 version');
}

/** Status code: three digits, the first 1 to 5 (RFC 9110 15), then a space or the end of the line. */
function parseStatus(text: string, lineEnd: number): number {
  const status = (text.charCodeAt(9) - 48) * 100 + (text.charCodeAt(10) - 48) * 10 + (text.charCodeAt(11) - 48);
  const digits = isDigit(text.charCodeAt(9)) && isDigit(text.charCodeAt(10)) && isDigit(text.charCodeAt(11));
  if (!digits || status < 100 || status > 599) throw new Violation('malformed', 'the status is not 100 to 599');
  if (lineEnd !== 12 && text.charCodeAt(12) !== 32) throw new Violation('malformed', 'the status is not three digits');
  return status;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

function isReason(reason: string): boolean {
  for (let i = 0; i < reason.length; i++) {
    const code = reason.charCodeAt(i);
    if ((code < 32 && code !== 9) || code === 127) return false;
  }
  return true;
}

/** RFC 9112 6.3 for responses. */
function responseFraming(section: FieldSection, status: number, method: string, minorVersion: number): Framing {
  const coded = section.transferEncoding !== '';
  // RFC 9112 6.3: with both, "the Transfer-Encoding overrides […] ought to be handled as an error".
  if (coded && section.contentLength >= 0)
    throw new Violation('malformed', 'both Content-Length and Transfer-Encoding');
  if (coded && minorVersion === 0) throw new Violation('malformed', 'Transfer-Encoding in HTTP/1.0');
  if (coded && section.transferEncoding !== 'chunked')
    throw new Violation('coding', 'Transfer-Encoding is not chunked');
  if (status < 200 || status === 204) {
    // RFC 9110 8.6, RFC 9112 6.1: "A server MUST NOT send" either of them here; zero is harmless and widespread.
    if (coded || section.contentLength > 0)
      throw new Violation('malformed', `content announced in a ${status} response`);
    return 'none';
  }
  if (status === 304 || method === 'HEAD') return 'none';
  if (coded) return 'chunked';
  if (section.contentLength === 0) return 'none';
  return section.contentLength > 0 ? 'length' : 'close';
}
