// How a response is framed towards an HTTP/1.x client.
import { reasonPhrase } from '#http/status.ts';
import { UNKNOWN_LENGTH } from '#model/body.ts';
import type { Request, Response } from '#model/message.ts';
import { type ContentFraming, serializeResponseHead } from '#wire/http1/serialize.ts';

/** Whether a response to this request has no content whatever its fields say (RFC 9112 6.3). */
export function hasNoContent(request: Request, response: Response): boolean {
  return request.method === 'HEAD' || response.status === 204 || response.status === 304;
}

/** The framing to announce. `close` means that the end of the connection ends the content. */
export function responseFraming(request: Request, response: Response): ContentFraming | 'close' {
  // RFC 9112 6.1: no Transfer-Encoding, RFC 9110 8.6: no Content-Length in a 204.
  if (response.status === 204) return 'none';
  const length = hasNoContent(request, response) ? response.length : lengthOf(response);
  if (length !== UNKNOWN_LENGTH) return length;
  if (hasNoContent(request, response)) return 'none';
  // RFC 9112 6.1: "A server MUST NOT send a response containing Transfer-Encoding unless the corresponding request indicates HTTP/1.1".
  return request.version === '1.0' ? 'close' : 'chunked';
}

/** What is certainly going to be written, whatever was announced: a client would take the next response for what is missing. */
function lengthOf({ body, length }: Response): number {
  if (body === undefined) return 0;
  return body.type === 'fixed' ? body.content.length : length;
}

/** The response head as text; `keepAlive` tells whether the connection stays. */
export function responseHead(
  request: Request,
  response: Response,
  framing: ContentFraming,
  keepAlive: boolean,
): string {
  let connection = '';
  if (response.status === 426) connection = upgradeLines(response, keepAlive);
  else if (!keepAlive) connection = 'connection: close\r\n';
  else if (request.version === '1.0') connection = 'connection: keep-alive\r\n';
  const reason = response.reason === '' ? reasonPhrase(response.status) : response.reason;
  return serializeResponseHead(response.status, reason, response.fields.text, framing, connection);
}

/** RFC 9110 15.5.22: "The server MUST send an Upgrade header field in a 426 response"; what is known here is one for WebSocket. */
function upgradeLines({ fields }: Response, keepAlive: boolean): string {
  if (!fields.has('sec-websocket-version')) return keepAlive ? '' : 'connection: close\r\n';
  return `connection: ${keepAlive ? 'upgrade' : 'upgrade, close'}\r\nupgrade: websocket\r\n`;
}

/** The head that switches protocols (RFC 9110 15.2.2). */
export function switchingHead(response: Response, protocol: string): string {
  return serializeResponseHead(
    101,
    'Switching Protocols',
    response.fields.text,
    'none',
    `connection: upgrade\r\nupgrade: ${protocol}\r\n`,
  );
}
