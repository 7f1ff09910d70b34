// Keeps requests back that an HTTP/2 endpoint has said it does not take: heads larger than its SETTINGS_MAX_HEADER_LIST_SIZE.
import { ProxyError } from '#model/proxy-error.ts';
import type { RequestStart } from '#wire/http2/client-session.ts';

/** RFC 9113 6.5.2: octets that a field counts beyond its name and its value. */
const FIELD_OVERHEAD = 32;
/** The shortest field line, `a:` with CRLF, is of 4 octets, and counts 33. */
const MOST_PER_OCTET = 9;
/** What pseudo-fields and content-length come to at most, without method, path and authority. */
const OWN_BYTES = 512;

/**
 * The error for a request whose list is larger than the endpoint takes; `undefined` when it is not. RFC 9113 6.5.2 calls the setting
 * "advisory"; yet to send what is going to be refused costs the endpoint work, and the client the reason.
 */
export function listSizeError(start: RequestStart, maxBytes: number): ProxyError | undefined {
  const { lines, path, authority, method } = start;
  // Of nearly all requests this says enough, without a look at each field.
  if (OWN_BYTES + path.length + authority.length + method.length + lines.length * MOST_PER_OCTET <= maxBytes)
    return undefined;
  const size = listSize(start);
  if (size <= maxBytes) return undefined;
  return new ProxyError(
    'request-head-too-large',
    `the endpoint takes heads of up to ${maxBytes} octets, as HTTP/2 counts them, and this one has ${size}`,
  );
}

function listSize({ lines, method, scheme, authority, path, protocol, contentLength }: RequestStart): number {
  let size = sizeOf(':method', method) + sizeOf(':scheme', scheme) + sizeOf(':path', path);
  if (authority !== '') size += sizeOf(':authority', authority);
  if (protocol !== '') size += sizeOf(':protocol', protocol);
  if (contentLength >= 0) size += sizeOf('content-length', String(contentLength));
  for (let at = 0; at < lines.length; ) {
    const end = lines.indexOf('\r\n', at);
    const colon = lines.indexOf(':', at);
    size += sizeOf(lines.slice(at, colon), lines.slice(colon + 1, end).trim());
    at = end + 2;
  }
  return size;
}

function sizeOf(name: string, value: string): number {
  return FIELD_OVERHEAD + name.length + value.length;
}
