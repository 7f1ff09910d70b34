// Joins the client's side of an upgraded exchange with the endpoint's, whatever protocol either came by.
import type { Deadlines } from '#lib/deadlines.ts';
import type { ByteStream } from '#model/byte-stream.ts';
import type { Exchange } from '#model/exchange.ts';
import type { Tunnel } from '#model/message.ts';
import { joinStreams } from '#net/tunnel.ts';

export interface ClientTunnel {
  readonly exchange: Exchange;
  readonly tunnel: Tunnel;
  readonly client: ByteStream;
  readonly deadlines: Deadlines;
  /** What the client has sent ahead of the answer. */
  readonly early: Uint8Array | undefined;
  /** Both sides are closed; so many octets went to the client. */
  readonly done: (sent: number) => void;
}

/** Starts to pass bytes; returns how to end it early. */
export function openTunnel({ exchange, tunnel, client, deadlines, early, done }: ClientTunnel): () => void {
  exchange.phase = 'tunnel';
  if (tunnel.early.length > 0) client.write(tunnel.early);
  if (early) tunnel.stream.write(early);
  return joinStreams({
    first: client,
    second: tunnel.stream,
    idleTimeoutMs: tunnel.idleTimeoutMs,
    deadlines,
    done: (end) => {
      exchange.bytesReceived = end.sent + (early?.length ?? 0);
      exchange.phase = 'done';
      tunnel.done();
      done(end.received + tunnel.early.length);
    },
  });
}
