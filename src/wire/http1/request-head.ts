// Reads the head of an HTTP/1.1 request (RFC 9112 2, 3, 6). Bytes in, facts out; what a gateway may reject is rejected.
import { type FieldSection, isToken, parseFieldSection } from './field-section.ts';
import { Violation } from './violation.ts';

/** How the end of the content is found. */
export type Framing = 'none' | 'length' | 'chunked' | 'close';

export interface RequestHead {
  readonly method: string;
  /** As received: `/path?query`, `http://host/path`, `host:port` (CONNECT) or `*`. */
  readonly target: string;
  /** 0 for HTTP/1.0, 1 for HTTP/1.1 and later minor versions. */
  readonly minorVersion: number;
  readonly section: FieldSection;
  readonly framing: Framing;
}

export interface HeadLimits {
  readonly maxFields: number;
  readonly maxTargetBytes: number;
}

/**
 * Reads the head that is `text` up to `end`, where `end` is behind the empty line (CRLF CRLF).
 * Throws a `Violation`.
 */
export function parseRequestHead(text: string, start: number, end: number, limits: HeadLimits): RequestHead {
  // RFC 9112 3: request-line = method SP request-target SP HTTP-version, and no other white space.
  const lineEnd = text.indexOf('\r\n', start);
  const methodEnd = text.indexOf(' ', start);
  const targetEnd = text.indexOf(' ', methodEnd + 1);
  if (methodEnd < 0 || targetEnd < 0 || targetEnd > lineEnd || !isToken(text, start, methodEnd)) {
    throw new Violation('malformed', 'the request line is not method, target and version');
  }
  const minorVersion = parseVersion(text, targetEnd + 1, lineEnd);
  if (targetEnd - methodEnd - 1 > limits.maxTargetBytes) {
    throw new Violation('target-too-long', `the target is longer than ${limits.maxTargetBytes} bytes`);
  }
  const target = text.slice(methodEnd + 1, targetEnd);
  checkTarget(target);
  const section = parseFieldSection(text, lineEnd + 2, end - 2, limits.maxFields);
  // RFC 9112 3.2: "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request message that lacks a Host header field".
  if (section.host === undefined && minorVersion > 0) throw new Violation('malformed', 'Host is missing');
  return {
    method: text.slice(start, methodEnd),
    target,
    minorVersion,
    section,
    framing: requestFraming(section, minorVersion),
  };
}

/** Visible ASCII without `#`: the characters of RFC 3986 and those that clients are known to send unencoded. */
function checkTarget(target: string): void {
  if (target.length === 0) throw new Violation('malformed', 'the target is empty');
  for (let i = 0; i < target.length; i++) {
    const code = target.charCodeAt(i);
    if (code <= 32 || code >= 127 || code === 35) throw new Violation('malformed', 'forbidden character in the target');
  }
}

/** HTTP-version = HTTP/ DIGIT "." DIGIT, in upper case (RFC 9112 2.3). */
function parseVersion(text: string, start: number, end: number): number {
  if (end - start === 8 && text.startsWith('HTTP/', start) && text[start + 6] === '.') {
    const major = text.charCodeAt(start + 5) - 48;
    const minor = text.charCodeAt(start + 7) - 48;
    if (major === 1 && minor >= 0 && minor <= 9) return minor === 0 ? 0 : 1;
    if (major >= 0 && major <= 9 && minor >= 0 && minor <= 9) throw new Violation('version', `HTTP/${major}.${minor}`);
  }
  throw new Violation('malformed', 'the request line has no HTTP version');
}

/** RFC 9112 6.3, with every doubt rejected. */
function requestFraming(section: FieldSection, minorVersion: number): Framing {
  if (section.transferEncoding !== '') {
    // RFC 9112 6.1: "A server MAY reject a request that contains both Content-Length and Transfer-Encoding".
    if (section.contentLength >= 0) throw new Violation('malformed', 'both Content-Length and Transfer-Encoding');
    // RFC 9112 6.1: Transfer-Encoding in an HTTP/1.0 message: "MUST treat the message as if the framing is faulty".
    if (minorVersion === 0) throw new Violation('malformed', 'Transfer-Encoding in HTTP/1.0');
    if (section.transferEncoding === 'chunked') return 'chunked';
    // RFC 9112 6.3: if chunked "is not the final encoding, the message body length cannot be determined reliably;
    // the server MUST respond with the 400". 6.1: a coding the server "does not understand SHOULD" get 501.
    if (
      /^(?:(?:gzip|deflate|compress|x-gzip|x-compress|identity)[ \t]*,[ \t]*)+chunked$/.test(section.transferEncoding)
    ) {
      throw new Violation('coding', 'transfer codings other than chunked are not implemented');
    }
    throw new Violation('malformed', 'Transfer-Encoding is not chunked');
  }
  if (section.contentLength > 0) return 'length';
  return 'none';
}
