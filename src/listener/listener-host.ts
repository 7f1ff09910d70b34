// What client connections need of the worker they live in. Handed in, so that listener/ knows nothing of proxy/.
import type { Clock } from '#lib/clock.ts';
import type { Deadlines } from '#lib/deadlines.ts';
import type { Log } from '#lib/log.ts';
import type { TurnEnd } from '#lib/turn-end.ts';
import type { KeyedTable } from '#memory/keyed-table.ts';
import type { Series } from '#memory/series-table.ts';
import type { Exchange } from '#model/exchange.ts';
import type { Response } from '#model/message.ts';
import type { ProxyError } from '#model/proxy-error.ts';
import type { ListenerSettings, Snapshot } from '#model/snapshot.ts';
import type { Departures } from '#net/departures.ts';
import type { BreachKind } from '#wire/http2/http2-error.ts';
import type { ChallengeAcceptors } from './challenge-acceptors.ts';
import type { TlsTermination } from './tls-termination.ts';
import type { WantedCertificates } from './wanted-certificates.ts';

/** Who waits for the response of an exchange. */
export interface ResponseReceiver {
  readonly exchange: Exchange;
  /** Called once, during the call of `handle` or later. */
  respond(response: Response): void;
}

/** A client connection as its listener sees it. */
export interface AcceptedConnection {
  /** Ends as soon as that cuts nothing off. */
  drain(): void;
  /** Ends at once. */
  abort(): void;
}

export interface BindAddress {
  readonly host: string;
  readonly port: number;
  readonly socketPath: string;
  /** Whether several workers bind the same address, each with a socket of its own. */
  readonly shared: boolean;
  /** Whether this worker is the one that listens where only one can: a path has one socket. */
  readonly first: boolean;
}

/** A listener as its worker sees it. */
export interface BoundSocket {
  readonly state: ListenerState;
  /** Connections, or sessions, that are open. */
  readonly connections: number;
  /** Begins to serve: what has come since the binding had no configuration yet to be served by. */
  serve(): void;
  /** Takes no more of them; those that exist end in their time. */
  drain(): void;
  /** Ends all of them at once. */
  abort(): void;
}

export interface ListenerHost {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly log: Log;
  /** Tunnels to endpoints that drain, or are gone. */
  readonly departures: Departures;
  /** Sends what connections have to send at the end of each turn. */
  readonly turnEnd: TurnEnd;
  /** Handshakes of ACME servers. */
  readonly challenges: ChallengeAcceptors;
  /** Handshakes that wait for a certificate. */
  readonly wanted: WantedCertificates;
  /** Token buckets that all workers share. */
  buckets(): KeyedTable;
  /** The snapshot that new exchanges begin with. */
  snapshot(): Snapshot;
  /** Sees to a response for an exchange; never throws. */
  handle(receiver: ResponseReceiver): void;
  /** The answer to what went wrong before or without a handler. */
  answer(error: ProxyError, exchange: Exchange): Response;
  /** Counts a breach of HTTP/2, or an abuse of it, by its kind. */
  breached(kind: BreachKind): void;
  /** Counts the exchange and writes its access record. Called exactly once an exchange, at its end. */
  record(exchange: Exchange, series: Series): void;
}

/** One listener in one worker. Settings change with the configuration; the rest stays. */
export interface ListenerState {
  readonly name: string;
  settings: ListenerSettings;
  series: Series;
  /** What TLS is ended with; `undefined` where none is. Connections keep what they began with. */
  tls: TlsTermination | undefined;
  /** Set when the listener or the whole gateway is going away: answers close their connections. */
  draining: boolean;
}
