// What the answer of an endpoint to extended CONNECT means (RFC 8441 5): a tunnel, in the form that it has with HTTP/1.1.
import type { Exchange } from '#model/exchange.ts';
import type { Response } from '#model/message.ts';
import type { Upstream } from '#model/upstream.ts';
import { Http2ByteStream, type StreamConnection } from '#net/http2-byte-stream.ts';
import type { ResponseFields } from '#wire/http2/response-fields.ts';
import type { Http2Stream } from '#wire/http2/stream.ts';
import { acceptFor } from '#wire/websocket/handshake.ts';
import { toHttp2Response } from './http2-response.ts';

const NOTHING = new Uint8Array(0);

/** The stream that is to become a tunnel. */
export interface Tunnelling {
  readonly stream: Http2Stream;
  readonly connection: StreamConnection;
  readonly wallMs: number;
  /** Called when the tunnel is closed. */
  done(): void;
}

/** The response as one to Upgrade: everybody else in the gateway knows that form alone. */
export function tunnelResponse(
  { exchange, upstream }: { readonly exchange: Exchange; readonly upstream: Upstream },
  head: ResponseFields,
  { stream, connection, wallMs, done }: Tunnelling,
): Response {
  const response = toHttp2Response(head, '', wallMs, false);
  const key = exchange.request.fields.get('sec-websocket-key') ?? '';
  response.fields.set('sec-websocket-accept', acceptFor(key));
  response.status = 101;
  response.length = 0;
  response.tunnel = {
    protocol: 'websocket',
    stream: new Http2ByteStream(stream, connection),
    early: NOTHING,
    idleTimeoutMs: upstream.timeouts.tunnelIdleMs,
    done,
  };
  return response;
}
