// What a listener asks of TLS handshakes.
import type { TlsSettings } from '#model/tls.ts';
import type { Config, ListenerConfig } from './config-schema.ts';

/** `undefined` for a listener without TLS. */
export function compileTls(
  { tls }: ListenerConfig,
  { 'ticket-rotation': rotationMs }: Config['tls'],
): TlsSettings | undefined {
  if (!tls) return undefined;
  const { client } = tls;
  // A session that is resumed knows the client's certificate and not those of its issuers.
  const mayResume = tls['session-tickets'] && !client?.forward.includes('chain');
  return {
    minVersion: tls['min-version'],
    ciphers: tls.ciphers.join(':'),
    groups: tls.groups?.join(':') ?? 'auto',
    unknownName: tls['unknown-name'],
    onDemand: tls.certificates.some(({ acme }) => acme === 'on-demand'),
    // The key that a ticket was sealed with is there for three rotations, of which the first may be nearly over.
    ticketLifetimeMs: mayResume ? 2 * rotationMs : undefined,
    handshakeTimeoutMs: tls['handshake-timeout'],
    alpn: tls.alpn,
    client: client && { mode: client.mode, names: client.names, forward: client.forward },
  };
}
