// Names and addresses that belong to nobody in the public internet: what the local authority may vouch for, and nothing else.
import { isIP } from 'node:net';
import { parseIpPrefix } from './ip-address.ts';
import { PrefixSet } from './prefix-set.ts';

/** RFC 6761, RFC 6762, RFC 8375, and `internal`, which ICANN has reserved in 2024: the names and all below them. */
export const LOCAL_DOMAINS = ['localhost', 'test', 'local', 'internal', 'home.arpa'] as const;

/** Loopback, private (RFC 1918, RFC 4193) and link-local addresses. */
export const LOCAL_PREFIXES = [
  '127.0.0.0/8',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '169.254.0.0/16',
  '::1/128',
  'fc00::/7',
  'fe80::/10',
] as const;

/** What this machine is called by. Clients take no wildcard right below a top level, so that *.localhost would not help. */
export const LOCALHOST_NAMES = ['localhost', '127.0.0.1', '::1'] as const;

const prefixes = new PrefixSet(LOCAL_PREFIXES);

/** `name` is in lower case; `*.` may stand in front. */
export function isLocalName(name: string): boolean {
  if (isIP(name) !== 0) return prefixes.has(name);
  return LOCAL_DOMAINS.some((domain) => name === domain || name.endsWith(`.${domain}`));
}

/** Address and mask of each prefix, as RFC 5280 section 4.2.1.10 writes them. */
export function localSubnets(): readonly Uint8Array[] {
  return LOCAL_PREFIXES.map((text) => {
    const prefix = parseIpPrefix(text);
    if (!prefix) throw new RangeError(`${text} is no prefix`);
    const { bytes, length } = prefix;
    const mask = bytes.map((_, i) => 0xff & ~(0xff >> Math.min(8, Math.max(0, length - i * 8))));
    return Uint8Array.from([...bytes, ...mask]);
  });
}
