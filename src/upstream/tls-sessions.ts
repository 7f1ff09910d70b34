// TLS sessions with one endpoint that new connections can continue. Not for those of clients.

/** Servers give two tickets a handshake; more than these are of no use to connections that are opened one after the other. */
const MAX_SESSIONS = 8;

export class TlsSessions {
  /** The newest last. */
  readonly #sessions: Buffer[] = [];

  keep(session: Buffer): void {
    if (this.#sessions.length === MAX_SESSIONS) this.#sessions.shift();
    this.#sessions.push(session);
  }

  /**
   * A session for one new connection; `undefined` when there is none. RFC 8446 appendix C.4: "Clients SHOULD NOT reuse a ticket for
   * multiple connections", as whoever watches would see that they are of one client. The last one is given again all the same: those
   * of TLS 1.2 are meant to be, and that these connections are the gateway's tells its address anyway.
   */
  take(): Buffer | undefined {
    return this.#sessions.length > 1 ? this.#sessions.pop() : this.#sessions[0];
  }
}
