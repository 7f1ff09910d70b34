// Reads `host:port` as it stands in Host and in targets (RFC 3986 3.2, RFC 9110 7.2).
import net from 'node:net';

export interface Authority {
  /** Lower case, without a trailing dot; an IPv6 address in brackets. */
  readonly host: string;
  /** -1 when none is given. */
  readonly port: number;
}

/** RFC 3986 3.2.2 allows a comma too; here it is refused, as it may come from two Host lines that somebody joined. */
const NAME = /^[0-9a-z_~!$&'()*+;=.%-]+$/;
/** What the characters may be; a zone is a matter of one machine. */
const IPV6 = /^\[[0-9a-f:.]{2,45}\]$/;

/** The last few answers: clients name few hosts, many times. */
const cache = new Map<string, Authority>();
const CACHE_SIZE = 1000;

/** Returns its parts, or `undefined` for anything that is not a non-empty host with an optional port. User information is refused. */
export function parseAuthority(text: string): Authority | undefined {
  const known = cache.get(text);
  if (known) return known;
  const authority = parse(text);
  if (authority) {
    if (cache.size >= CACHE_SIZE) cache.clear();
    cache.set(text, authority);
  }
  return authority;
}

function parse(text: string): Authority | undefined {
  if (text.length > 300) return undefined;
  const lower = text.toLowerCase();
  const colon = lower.startsWith('[') ? lower.indexOf(':', lower.indexOf(']')) : lower.indexOf(':');
  const name = colon < 0 ? lower : lower.slice(0, colon);
  const digits = colon < 0 ? '' : lower.slice(colon + 1);
  if (!/^[0-9]{0,5}$/.test(digits)) return undefined;
  const port = digits === '' ? -1 : Number(digits);
  if (port > 65535) return undefined;
  if (!isHost(name)) return undefined;
  return { host: name.endsWith('.') ? name.slice(0, -1) : name, port };
}

function isHost(name: string): boolean {
  if (name.startsWith('[')) return IPV6.test(name) && net.isIPv6(name.slice(1, -1));
  if (!NAME.test(name) || name === '.' || name.includes('..')) return false;
  return !/%(?![0-9a-f]{2})/.test(name);
}
