// What an exchange is told apart by, where a module counts or hashes per key.
import { queryParameter } from '#http/query.ts';
import { parseIpAddress } from '#lib/ip-address.ts';
import { type Output, s } from '#schema/blocks.ts';
import type { Exchange } from './exchange.ts';
import { compileTemplate } from './template.ts';

export const keySource = () =>
  s
    .union([
      s.enum(['client-address', 'host', 'path', 'consumer', 'route']),
      s.object({ header: s.fieldName().describe('Name of a field.') }),
      s.object({ cookie: s.string().describe('Name of a cookie.') }),
      s.object({ query: s.string().describe('Name of a query parameter.') }),
    ])
    .describe('client-address (IPv6 by /64), host, path, consumer, route, or { header | cookie | query: name }.');

export type KeySource = Output<ReturnType<typeof keySource>>;

/** Returns the key of an exchange; '' when it has none. */
export function compileKeySource(source: KeySource): (exchange: Exchange) => string {
  if (typeof source === 'object') {
    if ('header' in source) return ({ request }) => request.fields.get(source.header) ?? '';
    if ('query' in source) return ({ request }) => queryParameter(request.query, source.query) ?? '';
    return compileTemplate(`\${request.cookie.${source.cookie}}`);
  }
  switch (source) {
    case 'client-address':
      return ({ clientAddress }) => addressKey(clientAddress);
    case 'host':
      return ({ request }) => request.host;
    case 'path':
      return ({ request }) => request.path;
    case 'consumer':
      return ({ consumer }) => consumer;
    default:
      return ({ route }) => route?.name ?? '';
  }
}

/** What stands for a client where clients are counted by address: the address, of IPv6 its /64. */
export function addressKey(address: string): string {
  return address.includes(':') ? networkOf(address) : address;
}

/** A subscriber owns at least a /64, and may take any address in it. */
function networkOf(address: string): string {
  const parsed = parseIpAddress(address);
  return parsed && parsed.version === 6 ? Buffer.from(parsed.bytes.subarray(0, 8)).toString('hex') : address;
}
