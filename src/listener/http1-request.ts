// Makes a version-free Request of an HTTP/1.1 head: target forms, Host, path.
import { Fields } from '#http/fields.ts';
import { UNKNOWN_LENGTH } from '#model/body.ts';
import type { Request } from '#model/message.ts';
import { ProxyError } from '#model/proxy-error.ts';
import type { RequestHead } from '#wire/http1/request-head.ts';
import { Violation } from '#wire/http1/violation.ts';
import { checkMethod, malformed, type RequestSurroundings, takeAuthority, takeTarget } from './request-parts.ts';

const ABSOLUTE_FORM = /^(https?):\/\/([^/?]*)(.*)$/i;

const UNFORWARDED_UPGRADE = /(?:^|,)[ \t]*(?:h2c?|tls\/)/i;

/** Returns the request without its body. Throws a `ProxyError` on what may not be forwarded. */
export function toRequest(head: RequestHead, surroundings: RequestSurroundings): Request {
  const request = emptyRequest(head, surroundings.secure);
  checkMethod(head.method);
  let { target } = head;
  if (target.charCodeAt(0) !== 47) {
    if (target === '*') {
      // RFC 9112 3.2.4: asterisk-form "is only used for a server-wide OPTIONS request".
      if (head.method !== 'OPTIONS') throw malformed('the target * is for OPTIONS only');
      takeAuthority(request, head.section.host ?? '');
      request.path = '*';
      return request;
    }
    const absolute = ABSOLUTE_FORM.exec(target);
    if (!absolute) throw malformed('the target has none of the four forms');
    // RFC 9112 3.2.2: for absolute-form the server "MUST ignore the received Host header field (if any)"; it must be valid all the same.
    if (head.section.host) takeAuthority(request, head.section.host);
    // RFC 9110 4.2.1: a URI with an empty host identifier: "A recipient that processes such a URI reference MUST reject it as invalid."
    if (absolute[2] === '') throw malformed('the target names no host');
    takeAuthority(request, absolute[2] as string);
    request.scheme = surroundings.secure ? 'https' : 'http';
    target = absolute[3] as string;
    // RFC 9112 3.2.4: OPTIONS for "an absolute-form […] in which the URI has an empty path and no query component" means `*`.
    if (target === '' && head.method === 'OPTIONS') {
      request.path = '*';
      return request;
    }
    if (target === '' || target.startsWith('?')) target = `/${target}`;
  } else {
    takeAuthority(request, head.section.host ?? '');
  }
  takeTarget(request, target, surroundings.allowEncodedSlash);
  return request;
}

/** The request as far as it can be told without looking at target and Host. */
export function emptyRequest(head: RequestHead, secure: boolean): Request {
  const { section } = head;
  const fields = new Fields(section.text);
  // RFC 9110 10.1.1: "A server that receives a 100-continue expectation in an HTTP/1.0 request MUST ignore that expectation." The
  // endpoint would take it for one of HTTP/1.1.
  if (head.minorVersion === 0 && section.expect !== '') fields.delete('expect');
  return {
    method: head.method,
    scheme: secure ? 'https' : 'http',
    authority: '',
    host: '',
    path: '',
    query: '',
    version: head.minorVersion === 0 ? '1.0' : '1.1',
    fields,
    length: head.framing === 'chunked' ? UNKNOWN_LENGTH : Math.max(0, section.contentLength),
    body: undefined,
    // RFC 9110 7.8: "A server MUST ignore an Upgrade header field that is received in an HTTP/1.0 request." HTTP/2 is not
    // asked for on behalf of a client (RFC 9113 3.1 made that use obsolete).
    upgrade:
      section.upgrade === '' || head.minorVersion === 0 || UNFORWARDED_UPGRADE.test(section.upgrade)
        ? ''
        : section.upgrade,
    acceptsTrailers: section.acceptsTrailers,
    notable: section.notable,
    referer: section.referer,
    userAgent: section.userAgent,
    contentType: section.contentType,
  };
}

/** The error for a head that the parser refused. */
export function refusal(error: unknown): ProxyError {
  if (error instanceof ProxyError) return error;
  if (!(error instanceof Violation)) return new ProxyError('proxy_internal_error', undefined, { cause: error });
  switch (error.kind) {
    case 'head-too-large':
      return new ProxyError('request-head-too-large', error.message);
    case 'target-too-long':
      return new ProxyError('request-target-too-long', error.message);
    case 'version':
      return new ProxyError('version-not-supported', error.message);
    case 'coding':
      return new ProxyError('method-not-implemented', error.message);
    default:
      return new ProxyError('http_request_error', error.message);
  }
}
