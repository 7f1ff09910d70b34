// Makes exchanges of simulated requests, as a listener makes them of bytes.
import { parseAuthority } from '#http/authority.ts';
import { Fields } from '#http/fields.ts';
import type { Clock } from '#lib/clock.ts';
import { Exchange } from '#model/exchange.ts';
import type { Snapshot } from '#model/snapshot.ts';
import type { SimulatedRequest } from './traffic.ts';

/** The exchange of a request that comes now. */
export function createExchange(
  { method, authority, path, query, client, fields }: SimulatedRequest,
  { snapshot, listener, clock }: { readonly snapshot: Snapshot; readonly listener: string; readonly clock: Clock },
): Exchange {
  const connection = {
    listener,
    remoteAddress: client,
    remotePort: 50_000,
    localAddress: '192.0.2.1',
    localPort: 80,
    secure: false,
    tls: undefined,
    identityLines: '',
    clock,
  };
  const request = {
    method,
    scheme: 'http' as const,
    authority,
    host: parseAuthority(authority)?.host ?? '',
    path,
    query,
    version: '1.1' as const,
    fields: new Fields(fields),
    length: 0,
    body: undefined,
    upgrade: '',
    acceptsTrailers: false,
    notable: fields !== '',
    referer: '',
    userAgent: '',
    contentType: '',
  };
  return new Exchange(connection, snapshot, request, clock.now());
}
