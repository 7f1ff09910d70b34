// Session persistence by a cookie of ours: its value is a signature over upstream and endpoint, so that it tells nothing of the
// inside and cannot be made up.
import { createHmac } from 'node:crypto';
import { cookieValue, formatCookie } from '#http/cookies.ts';
import type { Exchange } from '#model/exchange.ts';
import type { Response } from '#model/message.ts';
import type { Affinity, Endpoint } from '#model/upstream.ts';
import { isSameEndpoint } from './candidates.ts';

export interface SessionCookieOptions {
  readonly upstream: string;
  readonly name: string;
  readonly secret: string | Uint8Array;
  readonly ttlMs: number | undefined;
  readonly sameSite: 'lax' | 'strict' | 'none';
  readonly keepsDraining: boolean;
  readonly movesWhenDown: boolean;
}

/** 144 bits: no two endpoints share a value, and none is guessed. */
const VALUE_LENGTH = 24;

interface Values {
  readonly endpointOf: ReadonlyMap<string, Endpoint>;
  /** By name of the endpoint. */
  readonly valueOf: ReadonlyMap<string, string>;
}

export class SessionCookie implements Affinity {
  readonly keepsDraining: boolean;
  readonly movesWhenDown: boolean;
  readonly #options: SessionCookieOptions;
  readonly #values = new WeakMap<readonly Endpoint[], Values>();

  constructor(options: SessionCookieOptions) {
    this.#options = options;
    this.keepsDraining = options.keepsDraining;
    this.movesWhenDown = options.movesWhenDown;
  }

  find({ request }: Exchange, endpoints: readonly Endpoint[]): Endpoint | undefined {
    const value = cookieValue(request.fields.get('cookie'), this.#options.name);
    return value === '' ? undefined : this.#valuesOf(endpoints).endpointOf.get(value);
  }

  bind({ request, upstream }: Exchange, response: Response, endpoint: Endpoint, bound: Endpoint | undefined): void {
    if (bound && isSameEndpoint(bound, endpoint)) return;
    const value = this.#valuesOf(upstream?.endpoints ?? []).valueOf.get(endpoint.name);
    if (value === undefined) return;
    const { name, ttlMs, sameSite } = this.#options;
    const maxAge = ttlMs === undefined ? undefined : Math.ceil(ttlMs / 1000);
    // A cookie for other sites is refused by browsers unless it is for secure connections (RFC 6265bis 5.7).
    const secure = request.scheme === 'https' || sameSite === 'none';
    response.fields.append('set-cookie', formatCookie(name, value, { maxAge, sameSite, secure }));
  }

  /** Made once for each list of endpoints. */
  #valuesOf(endpoints: readonly Endpoint[]): Values {
    const known = this.#values.get(endpoints);
    if (known) return known;
    const pairs = endpoints.map((endpoint) => [this.#sign(endpoint.name), endpoint] as const);
    const values = {
      endpointOf: new Map(pairs),
      valueOf: new Map(pairs.map(([value, { name }]) => [name, value])),
    };
    this.#values.set(endpoints, values);
    return values;
  }

  #sign(endpoint: string): string {
    const { secret, upstream } = this.#options;
    return createHmac('sha256', secret).update(`${upstream}\n${endpoint}`).digest('base64url').slice(0, VALUE_LENGTH);
  }
}
