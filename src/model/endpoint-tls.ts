// How TLS is spoken with endpoints, by requests and probes alike: settings, and what node:tls is told for one connection.
import net from 'node:net';
import tls from 'node:tls';

export interface EndpointTlsSettings {
  /** Name that is asked for by SNI and must be in the certificate; the endpoint's own host when `undefined`. */
  readonly serverName: string | undefined;
  /** Authorities that are trusted, in PEM; those of Node.js when `undefined`. */
  readonly ca: string | undefined;
  /** Certificate of the gateway with those of its issuers, and its key, in PEM; both or none. */
  readonly cert: string | undefined;
  readonly key: string | undefined;
  /** Whether the certificate of the endpoint is checked. */
  readonly verify: boolean;
  readonly minVersion: '1.2' | '1.3';
  /** As OpenSSL lists them, those of TLS 1.3 too; its defaults when `undefined`. */
  readonly ciphers: string | undefined;
}

export class EndpointTls {
  readonly settings: EndpointTlsSettings;
  #secureContext: tls.SecureContext | undefined = undefined;

  constructor(settings: EndpointTlsSettings) {
    this.settings = settings;
  }

  /** Whether connections by these settings are as good as connections by the others. */
  isLike(other: EndpointTls): boolean {
    return other === this || JSON.stringify(other.settings) === JSON.stringify(this.settings);
  }

  /** What `tls.connect` is told for a connection to `host`; `alpn` names the protocols offered, of which there may be none. */
  optionsFor(host: string, alpn: readonly string[]): tls.ConnectionOptions {
    const { serverName, verify } = this.settings;
    const name = serverName ?? (host === '' ? 'localhost' : host);
    // Made at the first connection, for all of them: it costs more than a handshake that continues a session.
    this.#secureContext ??= createSecureContext(this.settings);
    return {
      secureContext: this.#secureContext,
      // RFC 6066 3: "Literal IPv4 and IPv6 addresses are not permitted in HostName".
      ...(net.isIP(name) === 0 && { servername: name }),
      ...(alpn.length > 0 && { ALPNProtocols: [...alpn] }),
      rejectUnauthorized: verify,
      // Node would check the name that was asked for by SNI, which for an address is none.
      checkServerIdentity: (_host, certificate) => tls.checkServerIdentity(name, certificate),
    };
  }
}

function createSecureContext({ ca, cert, key, minVersion, ciphers }: EndpointTlsSettings): tls.SecureContext {
  return tls.createSecureContext({
    minVersion: `TLSv${minVersion}`,
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(ciphers !== undefined && { ciphers }),
  });
}
