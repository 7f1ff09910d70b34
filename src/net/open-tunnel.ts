// Joins a client's connection with an endpoint's after a protocol upgrade, whatever carries the two: bytes pass as they are, or, where a
// policy wants it, as messages of a WebSocket. Keeps the counts of the exchange.
import type { Clock } from '#lib/clock.ts';
import type { Deadlines } from '#lib/deadlines.ts';
import { describeError, type Log } from '#lib/log.ts';
import { type ByteStream, StreamFault } from '#model/byte-stream.ts';
import type { Exchange } from '#model/exchange.ts';
import type { Tunnel } from '#model/message.ts';
import type { CloseReason } from '#model/passage.ts';
import { ProxyError } from '#model/proxy-error.ts';
import type { TunnelRecord, WebSocketInspection } from '#model/web-socket.ts';
import { countConnection } from '#telemetry/series.ts';
import type { Departures } from './departures.ts';
import { joinStreams, type TunnelEnd } from './tunnel.ts';
import { WebSocketRelay } from './websocket-relay.ts';

export interface TunnelHost {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly log: Log;
  readonly departures: Departures;
}

/** The client's side of a tunnel. What was written to it so far, the response head above all, goes ahead. */
export interface TunnelClient {
  readonly stream: ByteStream;
  /** Bytes that have come ahead of the tunnel. */
  readonly early: Buffer | undefined;
  /** Whether the client has sent FIN behind them. */
  readonly halfClosed: boolean;
  /** Called once, when both sides are closed, with the bytes that were sent to the client. */
  tunnelEnded(bytesSent: number): void;
}

export interface OpenTunnel {
  /** Ends as soon as that cuts nothing off, where anybody can tell when that is. */
  drain(): void;
  /** Ends as its endpoint is to be left: like `drain` where that is possible, else at once. */
  leave(): void;
  /** Ends at once. */
  stop(): void;
}

const CLOSED_BY: Readonly<Record<TunnelEnd['endedBy'], CloseReason>> = {
  first: 'client',
  second: 'endpoint',
  idle: 'idle',
};

/** Starts to pass bytes. Both streams belong to the tunnel from here on. */
export function openTunnel(exchange: Exchange, client: TunnelClient, tunnel: Tunnel, host: TunnelHost): OpenTunnel {
  const { route } = exchange;
  exchange.phase = 'tunnel';
  if (route) countConnection(route.series, 1);
  let hasEnded = false;
  let forget = () => {};
  const ended = (bytesReceived: number, bytesSent: number) => {
    hasEnded = true;
    forget();
    exchange.bytesReceived = bytesReceived;
    exchange.phase = 'done';
    if (route) countConnection(route.series, -1);
    tunnel.done();
    client.tunnelEnded(bytesSent);
  };
  const { clock, deadlines, log } = host;
  const surroundings = { exchange, client, tunnel, clock, deadlines, log, ended };
  const open = tunnel.inspection ? relayMessages(surroundings, tunnel.inspection) : passBytes(surroundings);
  if (!hasEnded) forget = stay(exchange, open, host.departures);
  return open;
}

/** Lets the tunnel go when its endpoint is to be left; returns how to tell that it has gone by itself. */
function stay({ upstream, endpoint }: Exchange, open: OpenTunnel, departures: Departures): () => void {
  const forMs = upstream?.timeouts.tunnelDrainMs ?? Number.POSITIVE_INFINITY;
  if (!upstream || !endpoint || forMs === Number.POSITIVE_INFINITY) return () => {};
  return departures.add({ upstream: upstream.name, endpoint: endpoint.name, forMs, leave: () => open.leave() });
}

interface Surroundings extends Omit<TunnelHost, 'departures'> {
  readonly exchange: Exchange;
  readonly client: TunnelClient;
  readonly tunnel: Tunnel;
  readonly ended: (bytesReceived: number, bytesSent: number) => void;
}

function passBytes({ exchange, client, tunnel, deadlines, ended }: Surroundings): OpenTunnel {
  const record: TunnelRecord = { closedBy: '', messages: undefined };
  exchange.tunnel = record;
  const { early } = client;
  if (tunnel.early.length > 0) client.stream.write(tunnel.early);
  if (early) tunnel.stream.write(early);
  const stop = joinStreams({
    first: client.stream,
    second: tunnel.stream,
    idleTimeoutMs: tunnel.idleTimeoutMs,
    tellsItsEnd: tunnel.protocol.toLowerCase() === 'websocket',
    firstHasEnded: client.halfClosed,
    deadlines,
    done: ({ sent, received, endedBy }) => {
      record.closedBy ||= client.halfClosed ? 'client' : CLOSED_BY[endedBy];
      ended(sent + (early?.length ?? 0), received + tunnel.early.length);
    },
  });
  return {
    // Nobody can tell a good moment in bytes that nobody reads.
    drain() {},
    leave() {
      record.closedBy ||= 'drained';
      stop();
    },
    stop() {
      record.closedBy ||= 'shutdown';
      stop();
    },
  };
}

function relayMessages(
  { exchange, client, tunnel, clock, deadlines, log, ended }: Surroundings,
  inspection: WebSocketInspection,
): OpenTunnel {
  const relay = new WebSocketRelay({
    exchange,
    client: client.stream,
    tunnel,
    inspection,
    clock,
    deadlines,
    ended,
    failed: (error) => {
      if (!(error instanceof StreamFault)) return;
      log.error('a WebSocket failed inside the gateway', { error: describeError(error) });
      exchange.blame(new ProxyError('proxy_internal_error', undefined, { cause: error }));
    },
  });
  exchange.tunnel = relay.record;
  relay.start(client.early, client.halfClosed);
  return relay;
}
