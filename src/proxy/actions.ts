// What a route ends in besides a single upstream: a weighted split, a redirect, a fixed response.
import { Fields } from '#http/fields.ts';
import { encodeUriReference } from '#http/uri-reference.ts';
import type { Random } from '#lib/random.ts';
import { fixedBody } from '#model/body.ts';
import type { Exchange } from '#model/exchange.ts';
import type { Handler } from '#model/handler.ts';
import type { Response } from '#model/message.ts';

/** A value that may depend on the exchange. */
export type Template = (exchange: Exchange) => string;

/** Sends each exchange to one of several handlers, in proportion to their weights. */
export function createSplit(
  branches: readonly { readonly handler: Handler; readonly weight: number }[],
  random: Random,
): Handler {
  const total = branches.reduce((sum, branch) => sum + branch.weight, 0);
  return (exchange) => {
    let point = random() * total;
    for (const branch of branches) {
      point -= branch.weight;
      if (point < 0) return branch.handler(exchange);
    }
    return (branches.at(-1) as { handler: Handler }).handler(exchange);
  };
}

/** Redirects to what `location` gives (RFC 9110 15.4). */
export function createRedirect(location: Template, status: number): Handler {
  return (exchange) => {
    exchange.answeredBy = 'redirect';
    const fields = new Fields();
    fields.set('location', encodeUriReference(location(exchange)));
    return { status, reason: '', fields, length: 0, body: undefined, tunnel: undefined };
  };
}

export interface FixedResponse {
  readonly status: number;
  readonly contentType: string;
  readonly body: Template;
  readonly fields: readonly (readonly [string, Template])[];
}

/** Answers with a fixed response. */
export function createRespond(options: FixedResponse): Handler {
  return (exchange): Response => {
    exchange.answeredBy = 'respond';
    const fields = new Fields();
    const content = Buffer.from(options.body(exchange)).toString('latin1');
    if (content !== '' && options.contentType !== '') fields.set('content-type', options.contentType);
    for (const [name, value] of options.fields) fields.set(name, value(exchange));
    const body = content === '' ? undefined : fixedBody(content);
    return { status: options.status, reason: '', fields, length: content.length, body, tunnel: undefined };
  };
}
