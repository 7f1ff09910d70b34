// Compiles the option `tls` of an upstream.
import { parseAuthority } from '#http/authority.ts';
import { EndpointTls } from '#model/endpoint-tls.ts';
import type { UpstreamTls } from '#model/upstream.ts';
import type { UpstreamConfig } from './config-schema.ts';

/** `undefined` where endpoints are spoken to without TLS. */
export function compileEndpointTls({ tls, host }: UpstreamConfig): UpstreamTls | undefined {
  if (tls === false) return undefined;
  const given: Partial<Exclude<typeof tls, boolean>> = tls === true ? {} : tls;
  const endpoint = new EndpointTls({
    serverName: given['server-name'] ?? nameOf(host),
    ca: given.ca,
    cert: given.cert,
    key: given.key,
    verify: given.verify ?? true,
    minVersion: given['min-version'] ?? '1.2',
    ciphers: given.ciphers,
  });
  return { endpoint, reusesSessions: given['session-reuse'] ?? true, alpn: given.alpn ?? [] };
}

/** The name in the option `host`, if it is one. */
function nameOf(host: string): string | undefined {
  if (host === 'keep' || host === 'endpoint') return undefined;
  const name = parseAuthority(host)?.host;
  return name?.startsWith('[') ? name.slice(1, -1) : name;
}
