// The protocols that a TLS client may choose (RFC 7301), each with what speaks it.
import type { StreamReceiver } from '#model/byte-stream.ts';
import type { ListenerSettings } from '#model/snapshot.ts';
import type { TlsStream } from '#net/tls-stream.ts';
import { Http1Connection } from './http1-connection.ts';
import { Http2Connection } from './http2-connection.ts';
import type { AcceptedConnection, ListenerHost, ListenerState } from './listener-host.ts';

/** Begins a connection on a stream whose handshake is done; `open` makes it the receiver of the stream and returns that. */
export type BeginProtocol = (
  open: (receiver: StreamReceiver) => TlsStream,
  listener: ListenerState,
  host: ListenerHost,
  onClosed: (connection: AcceptedConnection) => void,
) => AcceptedConnection;

// RFC 9113 3.3: "Clients that support HTTP/2 over TLS MUST use protocol negotiation", so that nobody may begin with its preface.
const beginHttp1: BeginProtocol = (open, listener, host, onClosed) =>
  new Http1Connection(open, listener, host, { onClosed, becomeHttp2: undefined });

const beginHttp2: BeginProtocol = (open, listener, host, onClosed) =>
  new Http2Connection(open, listener, host, onClosed);

/** By name, the most wanted first. */
const PROTOCOLS: ReadonlyMap<string, BeginProtocol> = new Map([
  ['h2', beginHttp2],
  ['http/1.1', beginHttp1],
]);

/** Names to offer, the most wanted first. */
export function alpnNames({ http2 }: ListenerSettings): readonly string[] {
  return [...PROTOCOLS.keys()].filter((name) => name !== 'h2' || http2.enabled);
}

/** What speaks the protocol that was agreed on; a client that has offered none speaks HTTP/1.1. */
export function protocolOf(name: string): BeginProtocol {
  return PROTOCOLS.get(name) ?? beginHttp1;
}
