// Session persistence by a value of the application's own, such as JSESSIONID: learned from the response that gives it, and found again
// in the requests that bring it.
import { setCookieValue } from '#http/cookies.ts';
import type { Exchange } from '#model/exchange.ts';
import { compileKeySource } from '#model/key-source.ts';
import type { Response } from '#model/message.ts';
import type { Affinity, Endpoint } from '#model/upstream.ts';
import { isSameEndpoint } from './candidates.ts';
import type { SessionTable } from './session-table.ts';

const NONE: readonly string[] = [];

/** Where a message carries the value. */
export type SessionSource = { readonly cookie: string } | { readonly header: string } | { readonly query: string };

export interface LearnedSessionsOptions {
  readonly learn: { readonly cookie: string } | { readonly header: string };
  /** The first that a request has tells its session. */
  readonly lookUp: readonly SessionSource[];
  readonly keepsDraining: boolean;
  readonly movesWhenDown: boolean;
}

export class LearnedSessions implements Affinity {
  readonly keepsDraining: boolean;
  readonly movesWhenDown: boolean;
  readonly #table: SessionTable;
  readonly #learn: LearnedSessionsOptions['learn'];
  readonly #lookUp: readonly ((exchange: Exchange) => string)[];

  constructor(options: LearnedSessionsOptions, table: SessionTable) {
    this.keepsDraining = options.keepsDraining;
    this.movesWhenDown = options.movesWhenDown;
    this.#table = table;
    this.#learn = options.learn;
    this.#lookUp = options.lookUp.map(compileKeySource);
  }

  find(exchange: Exchange, endpoints: readonly Endpoint[]): Endpoint | undefined {
    const session = this.#sessionOf(exchange);
    return session === '' ? undefined : this.#table.find(session, endpoints, exchange);
  }

  bind(exchange: Exchange, response: Response, endpoint: Endpoint, bound: Endpoint | undefined): void {
    if (!bound || !isSameEndpoint(bound, endpoint)) this.#move(exchange, endpoint);
    for (const session of this.#givenBy(response)) this.#table.set(session, endpoint, exchange);
  }

  /**
   * A session that was learned before goes where its request went. What a client made up is not taken in: it would push out the
   * sessions of others.
   */
  #move(exchange: Exchange, endpoint: Endpoint): void {
    const session = this.#sessionOf(exchange);
    if (session !== '' && this.#table.has(session, exchange)) this.#table.set(session, endpoint, exchange);
  }

  #sessionOf(exchange: Exchange): string {
    for (const lookUp of this.#lookUp) {
      const session = lookUp(exchange);
      if (session !== '') return session;
    }
    return '';
  }

  #givenBy({ fields }: Response): readonly string[] {
    if ('header' in this.#learn) return fields.getAll(this.#learn.header).filter((value) => value !== '');
    if (!fields.has('set-cookie')) return NONE;
    const { cookie } = this.#learn;
    return fields
      .getAll('set-cookie')
      .map((line) => setCookieValue(line, cookie))
      .filter((value) => value !== '');
  }
}
