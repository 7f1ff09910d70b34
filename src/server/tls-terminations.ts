// What each listener of a worker ends TLS with.
import { listenerSettings } from '#config/compile-listener.ts';
import type { Config } from '#config/config-schema.ts';
import { alpnNames } from '#listener/alpn-protocols.ts';
import { TlsTermination } from '#listener/tls-termination.ts';
import type { TicketKeys } from '#memory/ticket-keys.ts';
import type { ListenerCertificates } from '#model/certificate.ts';
import type { ListenerAuthorities } from '#model/tls.ts';

/** By name of the listener. */
export function terminationsOf(
  all: ListenerCertificates,
  allAuthorities: ListenerAuthorities,
  config: Config,
  ticketKeys: TicketKeys,
): ReadonlyMap<string, TlsTermination> {
  const terminations = new Map<string, TlsTermination>();
  for (const listener of Object.keys(config.listeners)) {
    const settings = listenerSettings(listener, config);
    if (!settings.tls) continue;
    // Without any, every handshake is refused.
    const certificates = all.get(listener) ?? [];
    const alpn = { http: alpnNames(settings), passage: settings.tls.alpn };
    const authorities = allAuthorities.get(listener);
    const parts = { listener, certificates, settings: settings.tls, alpn, ticketKeys, authorities };
    terminations.set(listener, new TlsTermination(parts));
  }
  return terminations;
}
