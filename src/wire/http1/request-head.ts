// Reads the head of an HTTP/1.1 request (RFC 9112 2, 3, 6). Bytes in, facts out; what a gateway may reject is rejected.
import { type FieldSection, parseFieldSection, TOKEN } from './field-section.ts';
import type { MessageHead } from './message-head.ts';
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

const SPACE = 32;
const HASH = 35;
const DELETE = 127;
/** `HTTP/1.1 CRLF` is so long. */
const VERSION_LINE_BYTES = 10;

/** Reads the head. Throws a `Violation`. */
export function parseRequestHead(head: MessageHead, limits: HeadLimits): RequestHead {
  const { text, bytes, offset, start, end } = head;
  // RFC 9112 3: request-line = method SP request-target SP HTTP-version, and no other white space. RFC 9110 9.1: method = token.
  let at = offset + start;
  while (TOKEN[bytes[at] as number] === 1) at++;
  const methodEnd = at - offset;
  if (bytes[at] !== SPACE || methodEnd === start) throw notARequestLine();
  // The target: visible ASCII without `#`, which are the characters of RFC 3986 and those that clients are known to send
  // unencoded.
  for (at++; isTargetByte(bytes[at] as number); at++);
  const targetEnd = at - offset;
  if (bytes[at] !== SPACE) throw badTarget(head, targetEnd);
  const lineEnd = targetEnd + 1 + VERSION_LINE_BYTES;
  const minorVersion = parseVersion(head, targetEnd + 1);
  if (targetEnd - methodEnd - 1 > limits.maxTargetBytes) {
    throw new Violation('target-too-long', `the target is longer than ${limits.maxTargetBytes} bytes`);
  }
  if (targetEnd === methodEnd + 1) throw new Violation('malformed', 'the target is empty');
  const section = parseFieldSection(head, lineEnd, end - 2, limits.maxFields);
  // RFC 9112 3.2: "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request message that lacks a Host header field".
  if (section.host === undefined && minorVersion > 0) throw new Violation('malformed', 'Host is missing');
  return {
    method: methodOf(text, start, methodEnd),
    target: text.slice(methodEnd + 1, targetEnd),
    minorVersion,
    section,
    framing: requestFraming(section, minorVersion),
  };
}

/** The method; for the most frequent one a text that is unique already, which makes each look-up by it cheaper. */
function methodOf(text: string, start: number, end: number): string {
  return end - start === 3 && text.startsWith('GET', start) ? 'GET' : text.slice(start, end);
}

function isTargetByte(code: number): boolean {
  return code > SPACE && code < DELETE && code !== HASH;
}

function notARequestLine(): Violation {
  return new Violation('malformed', 'the request line is not method, target and version');
}

/** What to say of a byte at `at` that ends the target before a space does. */
function badTarget({ text }: MessageHead, at: number): Violation {
  return text.startsWith('\r\n', at)
    ? notARequestLine()
    : new Violation('malformed', 'forbidden character in the target');
}

/** HTTP-version = HTTP/ DIGIT "." DIGIT, in upper case (RFC 9112 2.3), then the end of the line. */
function parseVersion({ text }: MessageHead, start: number): number {
  if (text.startsWith('HTTP/1.1\r\n', start)) return 1;
  const line = text.slice(start, start + VERSION_LINE_BYTES);
  const [, major, minor] = /^HTTP\/([0-9])\.([0-9])\r\n$/.exec(line) ?? [];
  if (major === '1') return minor === '0' ? 0 : 1;
  if (major !== undefined) throw new Violation('version', `HTTP/${major}.${minor}`);
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
