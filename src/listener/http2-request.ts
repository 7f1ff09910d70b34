// Makes a version-free Request of the field section of an HTTP/2 request (RFC 9113 8.3.1).
import { randomBytes } from 'node:crypto';
import { Fields } from '#http/fields.ts';
import { UNKNOWN_LENGTH } from '#model/body.ts';
import type { Request } from '#model/message.ts';
import { ProxyError } from '#model/proxy-error.ts';
import type { RequestFields } from '#wire/http2/request-fields.ts';
import { newKey } from '#wire/websocket/handshake.ts';
import { checkMethod, type RequestSurroundings, takeAuthority, takeTarget } from './request-parts.ts';

/** The request without its body, as far as it can be told without looking at target and authority. */
export function emptyHttp2Request(fields: RequestFields, secure: boolean, hasContent: boolean): Request {
  const { contentLength } = fields;
  const section = new Fields(fields.text);
  section.neverIndexed = fields.neverIndexed;
  const announced = contentLength < 0 ? UNKNOWN_LENGTH : contentLength;
  return {
    method: fields.method,
    scheme: secure ? 'https' : 'http',
    authority: '',
    host: '',
    path: '',
    query: '',
    version: '2',
    fields: section,
    length: hasContent ? announced : 0,
    body: undefined,
    upgrade: '',
    acceptsTrailers: fields.acceptsTrailers,
    notable: fields.notable,
    referer: fields.referer,
    userAgent: fields.userAgent,
    contentType: fields.contentType,
  };
}

/** Gives the request its target. Throws a `ProxyError` on what may not be forwarded. */
export function completeHttp2Request(request: Request, fields: RequestFields, surroundings: RequestSurroundings): void {
  if (fields.protocol !== undefined) takeProtocol(request, fields.protocol);
  else checkMethod(request.method);
  takeAuthority(request, fields.authority ?? fields.host ?? '');
  if (fields.path === '*') request.path = '*';
  else takeTarget(request, fields.path ?? '', surroundings.allowEncodedSlash);
}

/**
 * Extended CONNECT (RFC 8441) asks for what an HTTP/1.1 client asks for by Upgrade, with GET. Inside the gateway every WebSocket
 * handshake has key and answer, which HTTP/2 leaves out (RFC 8441 5), so that endpoints and policies need to know one form only.
 */
function takeProtocol(request: Request, protocol: string): void {
  // RFC 8441 5 is about WebSocket; of other protocols nobody here knows what they mean.
  if (protocol.toLowerCase() !== 'websocket')
    throw new ProxyError('method-not-implemented', `CONNECT for ${protocol} is not implemented`);
  request.method = 'GET';
  request.upgrade = 'websocket';
  request.length = 0;
  request.fields.delete('sec-websocket-key');
  request.fields.appendLines(`sec-websocket-key: ${newKey(randomBytes)}\r\n`);
}
