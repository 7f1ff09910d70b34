// The two sides of a UDP session: the client's, which the listener keeps, and the endpoint's, which an attempt opens.
import type { ProxyError } from './proxy-error.ts';

/** The endpoint's side: a socket that is connected to the endpoint. */
export interface DatagramEndpoint {
  /** Sends one datagram; returns whether it was taken, or had to be dropped. The memory is left alone from here on. */
  send(datagram: Buffer): boolean;
}

/** The client's side. */
export interface DatagramClient {
  /** What the client has sent and no endpoint has answered yet, oldest first, within a bound: an attempt sends it before anything else. */
  readonly unanswered: readonly Buffer[];
  /** Where what the client sends goes from now on; set by the attempt that has opened a socket. */
  endpoint: DatagramEndpoint | undefined;
  /** The endpoint has sent a datagram. */
  answer(datagram: Buffer): void;
  /** A datagram of the client could not be sent to the endpoint. */
  dropped(): void;
  /** The endpoint that had been settled on is gone. */
  lost(error: ProxyError): void;
}
