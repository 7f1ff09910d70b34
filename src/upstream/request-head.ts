// The head of a request to an HTTP/1.1 endpoint: its framing, its Host, and the protocol change that it asks for. What holds for every
// version is used by http2-request.ts too.
import { UNKNOWN_LENGTH } from '#model/body.ts';
import type { Exchange } from '#model/exchange.ts';
import type { Request } from '#model/message.ts';
import type { Endpoint, Upstream } from '#model/upstream.ts';
import { type ContentFraming, serializeRequestHead } from '#wire/http1/serialize.ts';

/** What is sent where. */
export interface Attempted {
  readonly exchange: Exchange;
  readonly upstream: Upstream;
  readonly endpoint: Endpoint;
}

/** Methods whose requests state their length even when it is zero (RFC 9110 8.6). */
export const STATES_LENGTH: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

/** The whole head as text. */
export function requestHead(attempted: Attempted): string {
  const { exchange } = attempted;
  const { request } = exchange;
  return serializeRequestHead(
    request.method,
    request.path + request.query,
    hostOf(attempted),
    exchange.forwardLines,
    requestFraming(request),
    connectionLines(request),
  );
}

function requestFraming(request: Request): ContentFraming {
  if (request.length === UNKNOWN_LENGTH) return 'chunked';
  if (request.length > 0 || STATES_LENGTH.has(request.method)) return request.length;
  return 'none';
}

/** The Host to send (RFC 9110 7.2). */
export function hostOf({ exchange, upstream, endpoint }: Attempted): string {
  const { host } = upstream;
  if (typeof host === 'object') return host.name;
  if (host === 'keep' && exchange.request.authority !== '') return exchange.request.authority;
  // The path of a Unix socket is no host, and nobody's business.
  return endpoint.socketPath === '' ? endpoint.name : 'localhost';
}

/** The lines that concern this connection alone (RFC 9110 7.6.1, 7.8, 10.1.4). */
function connectionLines(request: Request): string {
  if (request.upgrade === '' && !request.acceptsTrailers) return '';
  const te = request.acceptsTrailers ? 'te: trailers\r\n' : '';
  if (request.upgrade === '') return `${te}connection: te\r\n`;
  return `${te}connection: ${te === '' ? 'upgrade' : 'te, upgrade'}\r\nupgrade: ${request.upgrade}\r\n`;
}
