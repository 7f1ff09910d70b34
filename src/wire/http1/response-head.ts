// Reads the head of an HTTP/1.1 response (RFC 9112 4, 6), as strictly as a request's.
import { type FieldSection, parseFieldSection } from './field-section.ts';
import type { MessageHead } from './message-head.ts';
import type { Framing } from './request-head.ts';
import { Violation } from './violation.ts';

export interface ResponseHead {
  readonly status: number;
  readonly reason: string;
  readonly minorVersion: number;
  readonly section: FieldSection;
  readonly framing: Framing;
}

/** `HTTP/1.1 200` is so long. */
const STATUS_END = 12;
const SPACE = 32;
const TAB = 9;
const CR = 13;
const LF = 10;
const DELETE = 127;

/** Reads the head. `method` is that of the request it answers. Throws a `Violation`. */
export function parseResponseHead(head: MessageHead, method: string, maxFields: number): ResponseHead {
  const { text, bytes, offset } = head;
  // Lines ahead of the status line are ignored before requests only (RFC 9112 2.2).
  const minorVersion = text.startsWith('HTTP/1.1 ') ? 1 : parseVersion(text);
  const status = parseStatus(head);
  // RFC 9112 4: the space behind the status is there even without a reason; it carries no framing, so its lack is let pass.
  const reasonStart = bytes[offset + STATUS_END] === SPACE ? STATUS_END + 1 : STATUS_END;
  let at = offset + reasonStart;
  while (isReasonByte(bytes[at] as number)) at++;
  if (bytes[at] !== CR || bytes[at + 1] !== LF)
    throw new Violation('malformed', 'forbidden character in the reason phrase');
  const reasonEnd = at - offset;
  if (reasonStart === STATUS_END && reasonEnd !== STATUS_END)
    throw new Violation('malformed', 'the status is not three digits');
  const section = parseFieldSection(head, reasonEnd + 2, head.end - 2, maxFields);
  const framing = responseFraming(section, status, method, minorVersion);
  return { status, reason: text.slice(reasonStart, reasonEnd), minorVersion, section, framing };
}

function parseVersion(text: string): number {
  if (/^HTTP\/1\.[2-9] /.test(text)) return 1;
  if (text.startsWith('HTTP/1.0 ')) return 0;
  throw new Violation('malformed', 'the status line has no HTTP/1 version');
}

/** Status code: three digits, the first 1 to 5 (RFC 9110 15). */
function parseStatus({ bytes, offset }: MessageHead): number {
  let status = 0;
  for (let at = offset + STATUS_END - 3; at < offset + STATUS_END; at++) {
    const digit = (bytes[at] as number) - 48;
    status = digit >= 0 && digit <= 9 ? status * 10 + digit : Number.NaN;
  }
  if (status >= 100 && status <= 599) return status;
  throw new Violation('malformed', 'the status is not 100 to 599');
}

/** RFC 9112 4: HTAB, SP, VCHAR, obs-text. */
function isReasonByte(code: number): boolean {
  return (code >= SPACE && code !== DELETE) || code === TAB;
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
