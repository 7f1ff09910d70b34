// The server's side of TLS handshakes on sockets that somebody else has accepted: a `tls.Server` that listens nowhere.
import type net from 'node:net';
import tls, { type TLSSocket, type TlsOptions } from 'node:tls';
import { systemClock } from '#lib/clock.ts';
import type { TlsFacts } from '#model/tls.ts';
import { type ClientVerdict, judgeClient, NOT_ASKED } from './client-certificate.ts';
import { nativeContext } from './native-context.ts';
import { type TicketKeySource, useTicketKeys } from './tls-tickets.ts';

/** Who waits for a handshake. */
export interface Handshake {
  secured(socket: TLSSocket, server: ServerFacts): void;
  /** The handshake has failed; the socket is about to be closed. */
  failed(error: NodeJS.ErrnoException): void;
}

/** What only the server's side of a connection knows. */
export type ServerFacts = ClientVerdict & Pick<TlsFacts, 'covers'>;

export type ClientDemand = 'unasked' | 'optional' | 'required';

export interface AcceptorParts {
  readonly options: Omit<TlsOptions, 'handshakeTimeout' | 'requestCert' | 'rejectUnauthorized'>;
  /** OCSP response for the certificate, in DER. */
  readonly staple?: Uint8Array | undefined;
  /** Whether clients are asked for certificates, and those refused that have none; by default they are not asked. */
  readonly clients?: ClientDemand | undefined;
  /** Whether the certificate is for a host in lower case. */
  readonly covers?: (host: string) => boolean;
  /** What session tickets are sealed with; by default a key that nobody else has. */
  readonly ticketKeys?: TicketKeySource | undefined;
}

export class TlsAcceptor {
  readonly clients: ClientDemand;
  readonly #server: tls.Server;
  readonly #waiting = new WeakMap<net.Socket, Handshake>();
  readonly #refreshTickets: (() => void) | undefined;

  constructor({ options, staple, clients = 'unasked', covers = () => true, ticketKeys }: AcceptorParts) {
    this.clients = clients;
    // Whoever waits for a handshake has a deadline of its own; with a negative one Node sets no timer.
    this.#server = tls.createServer({
      ...options,
      requestCert: clients !== 'unasked',
      rejectUnauthorized: clients === 'required',
      handshakeTimeout: -1,
    });
    // Whoever is named as an authority is believed, also one that others vouch for.
    if (clients !== 'unasked') nativeContext(this.#server).setAllowPartialTrustChain?.();
    this.#refreshTickets = ticketKeys && useTicketKeys(this.#server, ticketKeys);
    if (staple) {
      const response = Buffer.from(staple);
      this.#server.on('OCSPRequest', (_certificate, _issuer, done) => done(null, response));
    }
    this.#server.on('secureConnection', (socket) => {
      const handshake = this.#take(socket);
      socket.allowHalfOpen = true;
      const verdict = this.clients === 'unasked' ? NOT_ASKED : judgeClient(socket, systemClock.wall());
      if (handshake) handshake.secured(socket, { ...verdict, covers });
      else socket.destroy();
    });
    this.#server.on('tlsClientError', (error, socket) => {
      // OpenSSL lets pass what it finds wrong with a client's certificate, and Node closes without a word.
      const { authorizationError: problem } = socket;
      this.#take(socket)?.failed(problem ? certificateError(String(problem)) : error);
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

function certificateError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`the certificate of the client is not accepted: ${code}`), { code });
}
