// The head of a request to an HTTP/2 endpoint (RFC 9113 8.3.1). Its content is sent by Http2RequestContent.
import { withoutLines } from '#http/field-lines.ts';
import { UNKNOWN_LENGTH } from '#model/body.ts';
import type { RequestStart } from '#wire/http2/client-session.ts';
import { isKey, namesWebSocket } from '#wire/websocket/handshake.ts';
import { type Attempted, hostOf, STATES_LENGTH } from './request-head.ts';

/** What the connection that it goes on has to do with it. */
export interface RequestCarrier {
  readonly isSecure: boolean;
  /** Whether the endpoint takes extended CONNECT (RFC 8441). */
  readonly allowsConnectProtocol: boolean;
}

export function requestStart(attempted: Attempted, carrier: RequestCarrier): RequestStart {
  const { request, forwardLines } = attempted.exchange;
  const isTunnel = asksForTunnel(attempted, carrier);
  const lines = isTunnel ? withoutLines(forwardLines, isHandshake) : forwardLines;
  return {
    // RFC 8441 5: the request for a WebSocket has the method CONNECT, and what it is for in :protocol.
    method: isTunnel ? 'CONNECT' : request.method,
    // It tells how the endpoint is spoken to: servers refuse one that is not what they see.
    scheme: carrier.isSecure ? 'https' : 'http',
    authority: hostOf(attempted),
    path: request.path + request.query,
    protocol: isTunnel ? 'websocket' : '',
    // RFC 9113 8.2.2: of the fields of one connection, TE alone may be sent, and `trailers` alone in it.
    lines: request.acceptsTrailers ? `${lines}te: trailers\r\n` : lines,
    contentLength: isTunnel ? UNKNOWN_LENGTH : contentLength(attempted),
    neverIndexed: request.fields.neverIndexed,
  };
}

/**
 * Whether the request becomes one for a tunnel. Other protocols than WebSocket, and endpoints that take no extended CONNECT, leave it an
 * ordinary one: RFC 9113 8.6 knows no Upgrade, which a server is free to ignore anyway (RFC 9110 7.8).
 */
export function asksForTunnel({ exchange }: Pick<Attempted, 'exchange'>, carrier: RequestCarrier): boolean {
  const { upgrade, method, fields } = exchange.request;
  if (upgrade === '' || !carrier.allowsConnectProtocol) return false;
  // What an endpoint would have checked, it does not get to see.
  return namesWebSocket(upgrade) && method === 'GET' && isKey(fields.get('sec-websocket-key'));
}

/** RFC 8441 5: key and answer are of no use where no proxy could take the one protocol for the other. */
function isHandshake(name: string): boolean {
  return name === 'sec-websocket-key';
}

function contentLength({ exchange }: Attempted): number {
  const { length, method } = exchange.request;
  return length > 0 || STATES_LENGTH.has(method) ? length : UNKNOWN_LENGTH;
}
