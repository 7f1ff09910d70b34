// Errors of the admin API as problem details (RFC 9457): made here and nowhere else.
import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { nodeHttp } from '#lib/node-http.ts';
import type { Problem } from '#schema/admin-schemas.ts';

/** An answer of type `application/problem+json`. `detail` says what is wrong and what to do about it. */
export function problem(status: number, detail: string, fields: Readonly<Record<string, string>> = {}): Response {
  return answer({ type: 'about:blank', title: nodeHttp.STATUS_CODES[status] ?? 'Error', status, detail }, fields);
}

/** What a handler throws to answer with a problem. `problems` are those of a refused configuration. */
export function problemError(
  status: ContentfulStatusCode,
  detail: string,
  problems?: readonly string[],
): HTTPException {
  const title = nodeHttp.STATUS_CODES[status] ?? 'Error';
  const res = answer({ type: 'about:blank', title, status, detail, ...(problems && { problems }) }, {});
  return new HTTPException(status, { message: detail, res });
}

function answer(content: Problem, fields: Readonly<Record<string, string>>): Response {
  const headers = { 'content-type': 'application/problem+json', ...fields };
  return new Response(`${JSON.stringify(content)}\n`, { status: content.status, headers });
}
