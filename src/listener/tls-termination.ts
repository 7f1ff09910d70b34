// What a listener ends TLS with: its certificates and what it asks of handshakes. A change of either makes another one.
import { constants, createHash } from 'node:crypto';
import { isIP } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { compileCertificateNames, compileHostPatterns } from '#http/host-patterns.ts';
import type { Certificate } from '#model/certificate.ts';
import type { ClientAuthorities, ClientCertificateSettings, TlsFacts, TlsSettings } from '#model/tls.ts';
import { TlsAcceptor } from '#net/tls-acceptor.ts';
import type { TicketKeySource } from '#net/tls-tickets.ts';
import { ClientAbilities } from '#wire/tls/client-abilities.ts';
import { TlsTable } from './tls-table.ts';

/** What becomes of a connection whose handshake is done: it is one of HTTP, or is passed on. */
export type TlsPurpose = 'http' | 'passage';

export interface TerminationParts {
  readonly listener: string;
  readonly certificates: readonly Certificate[];
  readonly settings: TlsSettings;
  /** Protocols to offer, the most wanted first; none for not heeding what the client offers. */
  readonly alpn: Readonly<Record<TlsPurpose, readonly string[]>>;
  readonly ticketKeys: TicketKeySource;
  /** Who vouches for clients, where they are asked for certificates. */
  readonly authorities: ClientAuthorities | undefined;
}

export class TlsTermination {
  readonly #table: TlsTable;
  readonly #settings: TlsSettings;
  readonly #alpn: TerminationParts['alpn'];
  readonly #options: TlsOptions;
  /** In place of those, where clients are asked for certificates. */
  readonly #askingOptions: TlsOptions | undefined;
  readonly #asksFor: ((name: string) => boolean) | undefined;
  readonly #ticketKeys: TicketKeySource | undefined;
  /** By fingerprint of the certificate; made when they are first needed, as there may be thousands. */
  readonly #acceptors = new Map<string, TlsAcceptor>();

  constructor({ listener, certificates, settings, alpn, ticketKeys, authorities }: TerminationParts) {
    this.#table = new TlsTable(certificates);
    this.#settings = settings;
    this.#alpn = alpn;
    this.#options = acceptorOptions(listener, settings);
    const { client } = settings;
    this.#askingOptions = client && authorities && askingOptions(this.#options, client, authorities);
    this.#asksFor = client && compileHostPatterns(client.names);
    this.#ticketKeys = settings.ticketLifetimeMs === undefined ? undefined : ticketKeys;
  }

  /**
   * What sees to the handshake of a client that asks for `name` ('' for none); `hello` is its ClientHello without header.
   * `undefined` when no certificate is for that name, or there is none at all.
   */
  acceptorFor(name: string, hello: Buffer, purpose: TlsPurpose): TlsAcceptor | undefined {
    const found = this.#table.find(name) ?? this.#standardFor(name);
    if (!found) return undefined;
    let abilities: ClientAbilities | undefined;
    const certificate = found.pick((kind) => {
      abilities ??= new ClientAbilities(hello);
      return abilities.canVerify(kind);
    });
    return this.#acceptor(certificate, this.#asksFor?.(name) === true, purpose);
  }

  /** Whether a request for `host` (in lower case; '' for none) belongs on another connection. */
  isMisdirected(host: string, { clientAsked, covers }: TlsFacts): boolean {
    if (host === '') return false;
    if (!clientAsked && this.#asksFor?.(host)) return true;
    // RFC 9110 7.4: a request for an https resource "MUST be rejected unless it has been received over a connection that has been
    // secured via a certificate valid for that target URI's origin". Hosts that no certificate is for, such as addresses that
    // health checks ask for, are let pass: they are in no other place.
    return !covers(host) && this.#table.find(host) !== undefined;
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

  #acceptor({ fingerprint, names, chain, key, staple }: Certificate, asks: boolean, purpose: TlsPurpose): TlsAcceptor {
    const place = `${fingerprint} ${purpose} ${asks}`;
    let acceptor = this.#acceptors.get(place);
    if (!acceptor) {
      const base = asks && this.#askingOptions ? this.#askingOptions : this.#options;
      const clients = asks ? (this.#settings.client?.mode ?? 'required') : 'unasked';
      const alpn = this.#alpn[purpose];
      acceptor = new TlsAcceptor({
        options: {
          ...base,
          cert: chain,
          key,
          sessionIdContext: contextOfNames(base, names),
          ...(alpn.length > 0 && { ALPNProtocols: [...alpn] }),
        },
        staple,
        clients,
        covers: compileCertificateNames(names),
        ticketKeys: this.#ticketKeys,
      });
      this.#acceptors.set(place, acceptor);
    }
    return acceptor;
  }
}

function acceptorOptions(listener: string, settings: TlsSettings): TlsOptions {
  const { minVersion, ciphers, groups, ticketLifetimeMs } = settings;
  return {
    // Without a list of authorities Node reads in all that the system knows; nobody is verified here.
    ca: [],
    minVersion,
    ciphers,
    ecdhCurve: groups,
    secureOptions:
      // RFC 9113 9.2.1 forbids renegotiation to HTTP/2; nobody else needs it, and it has cost others dearly.
      constants.SSL_OP_NO_RENEGOTIATION |
      // A client that prefers ChaCha20 has no hardware for AES.
      constants.SSL_OP_PRIORITIZE_CHACHA |
      (ticketLifetimeMs === undefined ? constants.SSL_OP_NO_TICKET : 0),
    honorCipherOrder: true,
    sessionTimeout: Math.ceil((ticketLifetimeMs ?? 0) / 1000) || 1,
    // Tickets of all listeners are sealed alike: one of them does not take those of another.
    sessionIdContext: sessionIdContext(listener),
  };
}

function askingOptions(
  base: TlsOptions,
  { mode, names }: ClientCertificateSettings,
  { ca, crl }: ClientAuthorities,
): TlsOptions {
  // A session that is resumed is not verified anew: what it was verified by must be the same.
  const verifiedBy = [base.sessionIdContext, mode, ...names, '', ...ca, '', ...crl].join('\n');
  return {
    ...base,
    ca: [...ca],
    ...(crl.length > 0 && { crl: [...crl] }),
    sessionIdContext: sessionIdContext(verifiedBy),
  };
}

/**
 * RFC 6066 3: a server "MUST NOT accept the request to resume the session if the server_name extension contains a different name". Among the
 * names of one certificate that does no harm: what the client has verified is for all of them (RFC 8446 4.6.1). One that is renewed for
 * the same names goes on with the sessions of the one before.
 */
function contextOfNames({ sessionIdContext: base = '' }: TlsOptions, names: readonly string[]): string {
  return sessionIdContext([base, ...[...names].sort()].join('\n'));
}

function sessionIdContext(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
