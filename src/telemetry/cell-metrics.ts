// The metrics that are one cell of a series each: names, texts, and which kinds of series have them.
import { CELL } from './series.ts';

export type SeriesKind = 'listener' | 'route' | 'upstream' | 'endpoint';

export interface CellMetric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly cell: number;
  readonly kinds: readonly SeriesKind[];
}

/** In the order in which they are shown. */
export const CELL_METRICS: readonly CellMetric[] = [
  {
    name: 'connections_total',
    help: 'Client connections accepted.',
    type: 'counter',
    cell: CELL.connections,
    kinds: ['listener'],
  },
  {
    name: 'connections_active',
    help: 'Client connections open now.',
    type: 'gauge',
    cell: CELL.connectionsActive,
    kinds: ['listener'],
  },
  {
    name: 'connections_total',
    help: 'Connections opened to the endpoint.',
    type: 'counter',
    cell: CELL.connections,
    kinds: ['endpoint'],
  },
  {
    name: 'connections_active',
    help: 'Connections to the endpoint open now, idle ones included.',
    type: 'gauge',
    cell: CELL.connectionsActive,
    kinds: ['endpoint'],
  },
  {
    name: 'connections_refused_total',
    help: 'Client connections refused, for whatever reason.',
    type: 'counter',
    cell: CELL.connectionsRefused,
    kinds: ['listener'],
  },
  {
    name: 'waiting',
    help: 'Exchanges that wait for a connection to the endpoint.',
    type: 'gauge',
    cell: CELL.waiting,
    kinds: ['endpoint'],
  },
  {
    name: 'exchanges_active',
    help: 'Exchanges in progress now.',
    type: 'gauge',
    cell: CELL.exchangesActive,
    kinds: ['listener'],
  },
  {
    name: 'received_bytes_total',
    help: 'Octets of request content.',
    type: 'counter',
    cell: CELL.bytesReceived,
    kinds: ['listener', 'route', 'upstream', 'endpoint'],
  },
  {
    name: 'sent_bytes_total',
    help: 'Octets of response content.',
    type: 'counter',
    cell: CELL.bytesSent,
    kinds: ['listener', 'route', 'upstream', 'endpoint'],
  },
  {
    name: 'retries_total',
    help: 'Attempts after the first.',
    type: 'counter',
    cell: CELL.retries,
    kinds: ['upstream'],
  },
  {
    name: 'unavailable_total',
    help: 'Exchanges for which no endpoint was usable.',
    type: 'counter',
    cell: CELL.noEndpoint,
    kinds: ['upstream'],
  },
  {
    name: 'hedges_total',
    help: 'Second attempts made beside a slow first one.',
    type: 'counter',
    cell: CELL.hedges,
    kinds: ['upstream'],
  },
  {
    name: 'circuit_refused_total',
    help: 'Requests refused by an open circuit.',
    type: 'counter',
    cell: CELL.circuitRefused,
    kinds: ['upstream'],
  },
  {
    name: 'queue_refused_total',
    help: 'Requests refused as the queue was full, or that waited in it for too long.',
    type: 'counter',
    cell: CELL.gateRefused,
    kinds: ['upstream'],
  },
  {
    name: 'shed_total',
    help: 'Requests refused as the gateway was late.',
    type: 'counter',
    cell: CELL.shed,
    kinds: ['route'],
  },
  {
    name: 'tunnels_total',
    help: 'Connections upgraded, to WebSockets and others.',
    type: 'counter',
    cell: CELL.connections,
    kinds: ['route'],
  },
  {
    name: 'tunnels_active',
    help: 'Upgraded connections open now.',
    type: 'gauge',
    cell: CELL.connectionsActive,
    kinds: ['route'],
  },
  {
    name: 'received_messages_total',
    help: 'WebSocket messages of clients, where a policy looks at them.',
    type: 'counter',
    cell: CELL.messagesReceived,
    kinds: ['route'],
  },
  {
    name: 'sent_messages_total',
    help: 'WebSocket messages for clients, where a policy looks at them.',
    type: 'counter',
    cell: CELL.messagesSent,
    kinds: ['route'],
  },
  {
    name: 'streams_total',
    help: 'Streams opened on HTTP/2 connections.',
    type: 'counter',
    cell: CELL.streams,
    kinds: ['endpoint'],
  },
  {
    name: 'streams_active',
    help: 'Streams open on HTTP/2 connections.',
    type: 'gauge',
    cell: CELL.streamsActive,
    kinds: ['endpoint'],
  },
  {
    name: 'connect_failures_total',
    help: 'Connections that could not be opened.',
    type: 'counter',
    cell: CELL.connectFailures,
    kinds: ['endpoint'],
  },
  {
    name: 'attempt_successes_total',
    help: 'Attempts that got a response other than a server error.',
    type: 'counter',
    cell: CELL.attemptSuccesses,
    kinds: ['endpoint'],
  },
  {
    name: 'attempt_failures_total',
    help: 'Attempts that got a server error, or failed by the fault of the endpoint.',
    type: 'counter',
    cell: CELL.attemptFailures,
    kinds: ['endpoint'],
  },
  {
    name: 'attempt_seconds_total',
    help: 'Time until the response head, summed over the attempts that succeeded.',
    type: 'counter',
    cell: CELL.attemptSeconds,
    kinds: ['endpoint'],
  },
  {
    name: 'received_datagrams_total',
    help: 'Datagrams of clients.',
    type: 'counter',
    cell: CELL.datagramsReceived,
    kinds: ['listener', 'endpoint'],
  },
  {
    name: 'sent_datagrams_total',
    help: 'Datagrams for clients.',
    type: 'counter',
    cell: CELL.datagramsSent,
    kinds: ['listener', 'endpoint'],
  },
  {
    name: 'dropped_datagrams_total',
    help: 'Datagrams of sessions that had to be dropped because too much was waiting, or which were too long.',
    type: 'counter',
    cell: CELL.datagramsDropped,
    kinds: ['listener'],
  },
];
