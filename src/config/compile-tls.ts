// What a listener asks of TLS handshakes.
import type { TlsSettings } from '#model/tls.ts';
import type { Config, ListenerConfig } from './config-schema.ts';

/** `undefined` for a listener without TLS. */
export function compileTls(
  { tls }: ListenerConfig,
  { 'ticket-rotation': rotationMs }: Config['tls'],
): TlsSettings | undefined {
  if (!tls) return undefined;
  return {
    minVersion: tls['min-version'],
    ciphers: tls.ciphers.join(':'),
    groups: tls.groups?.join(':') ?? 'auto',
    unknownName: tls['unknown-name'],
    onDemand: tls.certificates.some(({ acme }) => acme === 'on-demand'),
    // The key that a ticket was sealed with is there for three rotations, of which the first may be nearly over.
    ticketLifetimeMs: tls['session-tickets'] ? 2 * rotationMs : undefined,
    handshakeTimeoutMs: tls['handshake-timeout'],
  };
}
