// The one place that turns a ProxyError into a response: status, Proxy-Status, and content a client may see.
import { Fields } from '#http/fields.ts';
import { preferredType } from '#http/negotiation.ts';
import { reasonPhrase } from '#http/status.ts';
import { fixedBody } from '#model/body.ts';
import type { Exchange } from '#model/exchange.ts';
import type { Response } from '#model/message.ts';
import { ERROR_KINDS, type ProxyError } from '#model/proxy-error.ts';
import { grpcAnswer } from './grpc-answer.ts';

/** Seconds after which a client may try again when all that is wrong is that no endpoint or connection is free. */
const RETRY_AFTER_SECONDS = '5';

/** Answers a failed exchange. */
export function answerError(error: ProxyError, exchange: Exchange): Response {
  const fields = new Fields();
  fields.set('proxy-status', proxyStatus(error, exchange.snapshot.forwarding.name));
  fields.set('cache-control', 'no-store');
  for (const [name, value] of error.answerFields) fields.set(name, value);
  if (error.status === 503 && !fields.has('retry-after')) fields.set('retry-after', RETRY_AFTER_SECONDS);
  if (exchange.grpc) return grpcAnswer(exchange.grpc, error, fields);
  const type = preferredType(exchange.request.fields.get('accept'), [
    'application/problem+json',
    'text/html',
    'application/json',
  ]);
  const content = type === 'text/html' ? htmlPage(error) : problem(error, exchange);
  fields.set('content-type', type === 'text/html' ? 'text/html; charset=utf-8' : 'application/problem+json');
  return {
    status: error.status,
    reason: '',
    fields,
    length: content.length,
    body: fixedBody(content),
    tunnel: undefined,
  };
}

/** RFC 9209 2: our name, the registered error type where there is one, and what a client may know. */
function proxyStatus(error: ProxyError, name: string): string {
  const registered = error.code.includes('_') ? `; error=${error.code}` : '';
  return `${name}${registered}; details="${registered ? detailOf(error) : error.code}"`;
}

/** RFC 9457 3. */
function problem(error: ProxyError, exchange: Exchange): string {
  const body = {
    type: 'about:blank',
    title: reasonPhrase(error.status) || 'Error',
    status: error.status,
    detail: detailOf(error),
    code: error.code,
    request_id: exchange.id,
  };
  return `${JSON.stringify(body)}\n`;
}

function htmlPage(error: ProxyError): string {
  const title = `${error.status} ${reasonPhrase(error.status)}`;
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:36rem;margin:20vh auto;padding:0 1rem;color-scheme:light dark}</style>
<h1>${title}</h1>
<p>${detailOf(error)}</p>
</html>
`;
}

/** The sentence for the client; the error's own message may name what is inside. */
function detailOf(error: ProxyError): string {
  return ERROR_KINDS[error.code].detail;
}
