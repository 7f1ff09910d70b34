// Answers ACME servers that look whether names are ours by http-01 (RFC 8555 section 8.3), before any route is looked for.
import { Fields } from '#http/fields.ts';
import { fixedBody } from '#model/body.ts';
import type { Exchange } from '#model/exchange.ts';
import type { Response } from '#model/message.ts';

const FOLDER = '/.well-known/acme-challenge/';

export class ChallengeAnswers {
  /** By token. */
  #answers: ReadonlyMap<string, string> = new Map();

  /** Answers these challenges, and no others any more. */
  use(answers: ReadonlyMap<string, string>): void {
    this.#answers = answers;
  }

  /** `undefined` for every request but those for a token that is known: an endpoint may have an ACME client of its own. */
  answer(exchange: Exchange): Response | undefined {
    const { method, path } = exchange.request;
    if (this.#answers.size === 0 || !path.startsWith(FOLDER)) return undefined;
    const content = this.#answers.get(path.slice(FOLDER.length));
    if (content === undefined || (method !== 'GET' && method !== 'HEAD')) return undefined;
    exchange.answeredBy = 'acme-challenge';
    const fields = Fields.from([['content-type', 'application/octet-stream']]);
    return { status: 200, reason: '', fields, length: content.length, body: fixedBody(content), tunnel: undefined };
  }
}
