// A socket that a server has accepted, as TLS streams take it from the gateway's own listeners.
import type { Socket } from 'node:net';
import { withoutMapping } from '#lib/ip-address.ts';
import type { Transport } from '#net/socket-stream.ts';

/** The transport of a connection that a server (with `pauseOnConnect`) has just accepted. */
export function acceptedTransport(socket: Socket): Transport {
  return {
    socket,
    source: { address: withoutMapping(socket.remoteAddress ?? ''), port: socket.remotePort ?? 0 },
    destination: undefined,
    isTcp: socket.remoteAddress !== undefined,
  };
}
