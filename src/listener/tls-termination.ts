// What a listener ends TLS with: its certificates and what it asks of handshakes. A change of either makes another one.
import { constants, createHash } from 'node:crypto';
import { isIP } from 'node:net';
import type { TlsOptions } from 'node:tls';
import type { Certificate } from '#model/certificate.ts';
import type { TlsSettings } from '#model/tls.ts';
import { TlsAcceptor } from '#net/tls-acceptor.ts';
import type { TicketKeySource } from '#net/tls-tickets.ts';
import { ClientAbilities } from '#wire/tls/client-abilities.ts';
import { TlsTable } from './tls-table.ts';

export interface TerminationParts {
  readonly listener: string;
  readonly certificates: readonly Certificate[];
  readonly settings: TlsSettings;
  /** Protocols to offer, the most wanted first. */
  readonly alpn: readonly string[];
  readonly ticketKeys: TicketKeySource;
}

export class TlsTermination {
  readonly #table: TlsTable;
  readonly #settings: TlsSettings;
  readonly #options: TlsOptions;
  readonly #ticketKeys: TicketKeySource | undefined;
  /** By fingerprint of the certificate; made when they are first needed, as there may be thousands. */
  readonly #acceptors = new Map<string, TlsAcceptor>();

  constructor({ listener, certificates, settings, alpn, ticketKeys }: TerminationParts) {
    this.#table = new TlsTable(certificates);
    this.#settings = settings;
    this.#options = acceptorOptions(listener, settings, alpn);
    this.#ticketKeys = settings.ticketLifetimeMs === undefined ? undefined : ticketKeys;
  }

  /**
   * What sees to the handshake of a client that asks for `name` ('' for none); `hello` is its ClientHello without header.
   * `undefined` when no certificate is for that name, or there is none at all.
   */
  acceptorFor(name: string, hello: Buffer): TlsAcceptor | undefined {
    const found = this.#table.find(name) ?? this.#standardFor(name);
    if (!found) return undefined;
    let abilities: ClientAbilities | undefined;
    return this.#acceptor(
      found.pick((kind) => {
        abilities ??= new ClientAbilities(hello);
        return abilities.canVerify(kind);
      }),
    );
  }

  /** Whether no certificate is for `name`, and one may be issued for it while the client waits. */
  lacks(name: string): boolean {
    return this.#settings.onDemand && name !== '' && isIP(name) === 0 && !this.#table.find(name);
  }

  #standardFor(name: string) {
    // RFC 9325 3.7: a server that does not know the name "SHOULD NOT continue the handshake". RFC 6066 3: "Literal IPv4 and IPv6
    // addresses are not permitted"; who sends one all the same asks for no name.
    const isRefused = name !== '' && this.#settings.unknownName === 'refuse' && isIP(name) === 0;
    return isRefused ? undefined : this.#table.standard;
  }

  #acceptor({ fingerprint, chain, key, staple }: Certificate): TlsAcceptor {
    let acceptor = this.#acceptors.get(fingerprint);
    if (!acceptor) {
      const options = { ...this.#options, cert: chain, key };
      acceptor = new TlsAcceptor({ options, staple, ticketKeys: this.#ticketKeys });
      this.#acceptors.set(fingerprint, acceptor);
    }
    return acceptor;
  }
}

function acceptorOptions(listener: string, settings: TlsSettings, alpn: readonly string[]): TlsOptions {
  const { minVersion, ciphers, groups, ticketLifetimeMs } = settings;
  return {
    // Without a list of authorities Node reads in all that the system knows; nobody is verified here.
    ca: [],
    minVersion,
    ciphers,
    ecdhCurve: groups,
    ALPNProtocols: [...alpn],
    secureOptions:
      // RFC 9113 9.2.1 forbids renegotiation to HTTP/2; nobody else needs it, and it has cost others dearly.
      constants.SSL_OP_NO_RENEGOTIATION |
      // A client that prefers ChaCha20 has no hardware for AES.
      constants.SSL_OP_PRIORITIZE_CHACHA |
      (ticketLifetimeMs === undefined ? constants.SSL_OP_NO_TICKET : 0),
    honorCipherOrder: true,
    sessionTimeout: Math.ceil((ticketLifetimeMs ?? 0) / 1000) || 1,
    // Tickets of all listeners are sealed alike: one of them does not take those of another.
    sessionIdContext: createHash('sha256').update(listener).digest('hex').slice(0, 32),
  };
}
