// The server's side of TLS handshakes on sockets that somebody else has accepted.
//
// A `tls.Server` holds the credentials, and listens nowhere. Its sockets are made here as it would make them: it would drop a client whose
// certificate is not accepted without a word of TLS, and here that client is told by close_notify.
import type net from 'node:net';
import tls, { TLSSocket, type TLSSocketOptions, type TlsOptions } from 'node:tls';
import { systemClock } from '#lib/clock.ts';
import type { TlsFacts } from '#model/tls.ts';
import { type ClientVerdict, judgeClient, NOT_ASKED } from './client-certificate.ts';
import { credentialsOf, nativeContext } from './native-context.ts';
import { type TicketKeySource, useTicketKeys } from './tls-tickets.ts';

/** Who waits for a handshake. */
export interface Handshake {
  secured(socket: TLSSocket, server: ServerFacts): void;
  /** The handshake has failed; the socket is about to be closed. */
  failed(error: NodeJS.ErrnoException): void;
  /** The same, of a client that takes the handshake for done and may be sending what comes behind it. */
  refused(error: NodeJS.ErrnoException): void;
}

/** What only the server's side of a connection knows. */
export type ServerFacts = ClientVerdict & Pick<TlsFacts, 'covers'>;

export type ClientDemand = 'unasked' | 'optional' | 'required';

/** What is there since Node 0.12, though not in its documentation. */
interface Undocumented {
  readonly _handle: { verifyError(): { readonly code: string } | null | undefined };
  /** Has errors that come from here on told by `error`. */
  _releaseControl(): boolean;
}

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
  readonly #covers: (host: string) => boolean;
  readonly #socketOptions: TLSSocketOptions;
  readonly #refreshTickets: (() => void) | undefined;

  constructor({ options, staple, clients = 'unasked', covers = () => true, ticketKeys }: AcceptorParts) {
    this.clients = clients;
    this.#covers = covers;
    const server = tls.createServer(options);
    // Whoever is named as an authority is believed, also one that others vouch for.
    if (clients !== 'unasked') nativeContext(server).setAllowPartialTrustChain?.();
    this.#refreshTickets = ticketKeys && useTicketKeys(server, ticketKeys);
    if (staple) {
      const response = Buffer.from(staple);
      server.on('OCSPRequest', (_certificate, _issuer, done) => done(null, response));
    }
    this.#socketOptions = {
      isServer: true,
      server,
      secureContext: credentialsOf(server),
      requestCert: clients !== 'unasked',
      // OpenSSL then ends handshakes without a certificate itself, by an alert. What it finds wrong with one it lets pass, for us to judge.
      rejectUnauthorized: clients === 'required',
      ...(options.ALPNProtocols && { ALPNProtocols: options.ALPNProtocols }),
    };
  }

  /** Starts the handshake on a connected socket; reads first what the socket has unread. */
  accept(socket: net.Socket, handshake: Handshake): void {
    this.#refreshTickets?.();
    // Who sends no more before the handshake is done never comes to its end: the TLS socket takes this over, and closes.
    socket.allowHalfOpen = false;
    const secure = new TLSSocket(socket, this.#socketOptions);
    const failed = (error: NodeJS.ErrnoException) => {
      if (this.clients === 'required' && /PEER_DID_NOT_RETURN/.test(error.code ?? '')) handshake.refused(error);
      else handshake.failed(error);
    };
    const closed = () => handshake.failed(Object.assign(new Error('the client has left'), { code: 'ECONNRESET' }));
    secure.on('error', failed);
    secure.once('close', closed);
    secure.once('secure', () => {
      secure.off('error', failed);
      secure.off('close', closed);
      this.#secured(secure, handshake);
    });
  }

  #secured(socket: TLSSocket, handshake: Handshake): void {
    const inner = socket as unknown as Undocumented;
    inner._releaseControl();
    socket.allowHalfOpen = true;
    const verdict =
      this.clients === 'unasked'
        ? NOT_ASKED
        : judgeClient(socket, inner._handle.verifyError()?.code, systemClock.wall());
    handshake.secured(socket, { ...verdict, covers: this.#covers });
  }
}
