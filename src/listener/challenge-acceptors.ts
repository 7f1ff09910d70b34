// Handshakes by which ACME servers find out whether names are ours (RFC 8737): each gets a certificate of its own, and nobody else does.
import type { ChallengeCertificate } from '#model/challenges.ts';
import { TlsAcceptor } from '#net/tls-acceptor.ts';
import type { ClientHello } from '#wire/tls/client-hello.ts';

/** RFC 8737 section 6.2. */
export const ACME_TLS = 'acme-tls/1';

export class ChallengeAcceptors {
  /** By name in lower case. */
  #acceptors: ReadonlyMap<string, TlsAcceptor> = new Map();

  /** Answers these challenges, and no others any more. */
  use(certificates: ReadonlyMap<string, ChallengeCertificate>): void {
    this.#acceptors = new Map(
      [...certificates].map(([name, { chain, key }]) => {
        const options = { cert: chain, key, ca: [], ALPNProtocols: [ACME_TLS] };
        return [name, new TlsAcceptor({ options })];
      }),
    );
  }

  /** `undefined` for whoever is no ACME server that looks at a challenge under way. */
  acceptorFor({ serverName, protocols }: ClientHello): TlsAcceptor | undefined {
    // RFC 8737 section 3: the ACME server offers this protocol and no other.
    return protocols.includes(ACME_TLS) ? this.#acceptors.get(serverName) : undefined;
  }
}
