// The server's side of TLS handshakes on sockets that somebody else has accepted: a `tls.Server` that listens nowhere.
import type net from 'node:net';
import tls, { type TLSSocket, type TlsOptions } from 'node:tls';
import { type TicketKeySource, useTicketKeys } from './tls-tickets.ts';

/** Who waits for a handshake. */
export interface Handshake {
  secured(socket: TLSSocket): void;
  /** The handshake has failed; the socket is about to be closed. */
  failed(error: NodeJS.ErrnoException): void;
}

export interface AcceptorParts {
  readonly options: Omit<TlsOptions, 'handshakeTimeout'>;
  /** OCSP response for the certificate, in DER. */
  readonly staple?: Uint8Array | undefined;
  /** What session tickets are sealed with; by default a key that nobody else has. */
  readonly ticketKeys?: TicketKeySource | undefined;
}

export class TlsAcceptor {
  readonly #server: tls.Server;
  readonly #waiting = new WeakMap<net.Socket, Handshake>();
  readonly #refreshTickets: (() => void) | undefined;

  constructor({ options, staple, ticketKeys }: AcceptorParts) {
    // Whoever waits for a handshake has a deadline of its own; with a negative one Node sets no timer.
    this.#server = tls.createServer({ ...options, handshakeTimeout: -1 });
    this.#refreshTickets = ticketKeys && useTicketKeys(this.#server, ticketKeys);
    if (staple) {
      const response = Buffer.from(staple);
      this.#server.on('OCSPRequest', (_certificate, _issuer, done) => done(null, response));
    }
    this.#server.on('secureConnection', (socket) => {
      const handshake = this.#take(socket);
      socket.allowHalfOpen = true;
      if (handshake) handshake.secured(socket);
      else socket.destroy();
    });
    this.#server.on('tlsClientError', (error, socket) => {
      this.#take(socket)?.failed(error);
      socket.destroy();
    });
  }

  /** Starts the handshake on a connected socket; reads first what the socket has unread. */
  accept(socket: net.Socket, handshake: Handshake): void {
    this.#refreshTickets?.();
    this.#waiting.set(socket, handshake);
    // Who sends no more before the handshake is done never comes to its end: the TLS socket takes this over, and closes.
    socket.allowHalfOpen = false;
    this.#server.emit('connection', socket);
  }

  #take(socket: TLSSocket): Handshake | undefined {
    // The socket beneath: Node tells it by this name since 0.12, though not in its documentation.
    const { _parent: parent } = socket as unknown as { readonly _parent: net.Socket };
    const handshake = this.#waiting.get(parent);
    this.#waiting.delete(parent);
    return handshake;
  }
}
