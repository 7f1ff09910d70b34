// Web origins (RFC 6454): which page a browser says a request comes from, and whether that page is one of those meant.
import { parseAuthority } from './authority.ts';

/** Tells that a pattern means the host that the request is for. */
export const SAME_HOST = 'same-host';

const FORM = /^([a-z][a-z0-9+.-]*):\/\/([^/?#@]+)$/;

const DEFAULT_PORTS: Readonly<Record<string, number>> = { http: 80, https: 443 };

interface WebOrigin {
  readonly scheme: string;
  readonly host: string;
  readonly port: number;
}

/** What is wrong with a pattern of origins, or `undefined`. */
export function originPatternProblem(pattern: string): string | undefined {
  const name = pattern.replace('://*.', '://');
  if (pattern === SAME_HOST || (!name.includes('*') && parseOrigin(name))) return undefined;
  return `"${pattern}" is neither ${SAME_HOST} nor an origin such as https://example.com, https://*.example.com or http://localhost:3000`;
}

/**
 * Returns whether one of the patterns holds an origin, as it stands in the field Origin, of a request for `authority`. Patterns are origins,
 * `https://*.example.com` for all names below one, and `same-host`.
 */
export function compileOrigins(patterns: readonly string[]): (origin: string, authority: string) => boolean {
  const isSameHostMeant = patterns.includes(SAME_HOST);
  const tests = patterns.filter((pattern) => pattern !== SAME_HOST).map(compilePattern);
  return (text, authority) => {
    const origin = parseOrigin(text);
    if (!origin) return false;
    return (isSameHostMeant && isOf(origin, authority)) || tests.some((test) => test(origin));
  };
}

function compilePattern(pattern: string): (origin: WebOrigin) => boolean {
  const isBelow = pattern.includes('://*.');
  const wanted = parseOrigin(pattern.replace('://*.', '://'));
  return ({ scheme, host, port }) => {
    if (!wanted || scheme !== wanted.scheme || port !== wanted.port) return false;
    return isBelow ? host.endsWith(`.${wanted.host}`) : host === wanted.host;
  };
}

/**
 * Whether the page was loaded from the host and port that it asks now. Not from the same scheme: where TLS ends ahead of this gateway, it
 * sees another one than the browser.
 */
function isOf({ scheme, host, port }: WebOrigin, authority: string): boolean {
  const asked = parseAuthority(authority);
  if (!asked) return false;
  return host === asked.host && port === (asked.port < 0 ? (DEFAULT_PORTS[scheme] ?? -1) : asked.port);
}

/** RFC 6454 6.2: scheme, host and, if it is not the scheme's own, port. `undefined` for what is none, `null` above all. */
function parseOrigin(text: string): WebOrigin | undefined {
  const [, scheme = '', rest = ''] = FORM.exec(text.toLowerCase()) ?? [];
  const authority = parseAuthority(rest);
  if (!authority) return undefined;
  return { scheme, host: authority.host, port: authority.port < 0 ? (DEFAULT_PORTS[scheme] ?? -1) : authority.port };
}
