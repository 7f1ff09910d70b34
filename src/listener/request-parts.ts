// What requests of all versions of HTTP have in common when they are made version-free: method, authority, target.
import { parseAuthority } from '#http/authority.ts';
import { Fields } from '#http/fields.ts';
import { normalizePath } from '#http/path.ts';
import type { Request } from '#model/message.ts';
import { ProxyError } from '#model/proxy-error.ts';

export interface RequestSurroundings {
  readonly secure: boolean;
  readonly allowEncodedSlash: boolean;
}

const ALLOWED_METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';

/**
 * Throws when the method is refused whatever the routes say: CONNECT would make an open proxy of a gateway, and TRACE would show a
 * script the credentials it may not read (RFC 9110 9.3.8).
 */
export function checkMethod(method: string): void {
  if (method === 'CONNECT' || method === 'TRACE')
    throw new ProxyError('method-not-allowed', `${method} is refused`, { fields: [['allow', ALLOWED_METHODS]] });
}

/** Takes `text` as the host and port that the client named. */
export function takeAuthority(request: Request, text: string): void {
  if (text === '') {
    // An HTTP/1.0 client may name no host; an HTTP/1.1 client may send an empty one (RFC 9110 7.2), which names nothing here.
    if (request.version !== '1.0') throw malformed('Host is empty');
    return;
  }
  const authority = parseAuthority(text);
  // RFC 9112 3.2: 400 "to any request message that contains […] a Host header field with an invalid field value".
  if (!authority) throw malformed('Host is not valid');
  request.authority = text;
  request.host = authority.host;
}

/** Takes a path with its query. */
export function takeTarget(request: Request, target: string, allowEncodedSlash: boolean): void {
  const question = target.indexOf('?');
  const path = normalizePath(question < 0 ? target : target.slice(0, question), allowEncodedSlash);
  if (path === undefined) throw malformed('the path is not valid');
  request.path = path;
  if (question >= 0) request.query = target.slice(question);
}

export function malformed(message: string): ProxyError {
  return new ProxyError('http_request_error', message);
}

/** A request of which nothing could be read, for the record of its refusal. */
export function unreadableRequest(secure: boolean): Request {
  return {
    method: '',
    scheme: secure ? 'https' : 'http',
    authority: '',
    host: '',
    path: '',
    query: '',
    version: '1.1',
    fields: new Fields(),
    length: 0,
    body: undefined,
    upgrade: '',
    acceptsTrailers: false,
    notable: false,
    referer: '',
    userAgent: '',
    contentType: '',
  };
}

/** What stands for the request where bytes or datagrams are passed on as they are. */
export function passageRequest(version: 'tcp' | 'udp'): Request {
  return { ...unreadableRequest(false), version };
}
