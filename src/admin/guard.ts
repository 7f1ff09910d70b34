// Who may use the admin API: stops web pages of other sites (DNS rebinding, cross-site requests) and changes without the token.
import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import type { MiddlewareHandler } from 'hono';
import { problem } from './problem.ts';

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Refuses requests whose Host is neither an IP address, nor localhost, nor one of `names` (lower case). A web page that
 * lets its own name point to this machine (DNS rebinding) would otherwise be of the same origin as the admin API.
 */
export function requireKnownHost(names: readonly string[]): MiddlewareHandler {
  const known: ReadonlySet<string> = new Set(['localhost', ...names]);
  return async (c, next) => {
    const host = hostName(c.req.header('host') ?? '');
    if (host === undefined || !(isIP(host) !== 0 || known.has(host))) {
      return problem(421, 'Call the admin API by its IP address or as localhost.');
    }
    await next();
  };
}

/** Refuses calls that change something and come from a page of another site. */
export function requireSameOrigin(): MiddlewareHandler {
  return async (c, next) => {
    const origin = c.req.header('origin');
    const fetchSite = c.req.header('sec-fetch-site');
    const foreign = origin !== undefined && origin !== `http://${c.req.header('host') ?? ''}`;
    const crossSite = fetchSite !== undefined && fetchSite !== 'same-origin' && fetchSite !== 'none';
    if (!SAFE_METHODS.has(c.req.method) && (foreign || crossSite)) {
      return problem(403, 'Pages of another site may not change anything here.');
    }
    await next();
  };
}

/** Lets calls that change something pass only with `Authorization: Bearer TOKEN`; none at all when `token` is undefined. */
export function requireToken(token: string | undefined): MiddlewareHandler {
  const wanted = token === undefined ? undefined : digest(token);
  return async (c, next) => {
    if (!SAFE_METHODS.has(c.req.method)) {
      if (wanted === undefined) {
        return problem(
          403,
          'Changes need a token: set admin.token in the configuration and send it as a bearer token.',
        );
      }
      const given = /^Bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '')?.[1];
      if (given === undefined || !timingSafeEqual(digest(given), wanted)) {
        return problem(401, 'Send the token of the configuration (admin.token) as: Authorization: Bearer TOKEN', {
          'www-authenticate': 'Bearer realm="tidegate"',
        });
      }
    }
    await next();
  };
}

/** The name in a Host field without port and brackets, lower case; `undefined` when it is malformed. */
function hostName(host: string): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(host);
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}

// Digests have one length, which timingSafeEqual needs, and so tell nothing about the length of the token.
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
