// What a listener ends TLS with: its certificates and what it asks of handshakes. Immutable; a change makes another one.
import { constants } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';
import type { Certificate } from '#model/certificate.ts';
import { TlsAcceptor } from '#net/tls-acceptor.ts';
import { TlsTable } from './tls-table.ts';

export class TlsTermination {
  readonly acceptor: TlsAcceptor;

  /** `alpn` are the protocols to offer, the most wanted first. Throws when a certificate cannot be used. */
  constructor(certificates: readonly Certificate[], alpn: readonly string[]) {
    const options = {
      // Without a list of authorities Node reads in all that the system knows; nobody is verified here.
      ca: [],
      // RFC 9113 9.2.1 forbids renegotiation to HTTP/2; nobody else needs it, and it has cost others dearly.
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    } satisfies SecureContextOptions;
    const table = new TlsTable(certificates, options);
    this.acceptor = new TlsAcceptor({
      ...options,
      cert: table.standard.map(({ chain }) => chain),
      key: table.standard.map(({ key }) => key),
      ALPNProtocols: [...alpn],
      SNICallback: (name, done) => {
        const found = table.find(name.toLowerCase());
        done(null, found && table.context(found));
      },
    });
  }
}
