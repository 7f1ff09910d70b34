// What a gateway changes in the fields of messages it passes on (RFC 9110 7.6): who the client is, Via, Max-Forwards.
//
// Hot path: the parser has noted whether a request carries any of the fields concerned; if not, it gets some lines appended.

import { withoutLines, withoutShadowing } from '#http/field-lines.ts';
import { Fields } from '#http/fields.ts';
import { chainOfForwarded, clientFromForwardedFor } from '#http/forwarded-for.ts';
import type { Exchange } from '#model/exchange.ts';
import type { Response } from '#model/message.ts';
import { ProxyError } from '#model/proxy-error.ts';

/** Requests that carry our name in Via more often than this are going in circles. */
const MAX_PASSES = 10;
/** As Max-Forwards never need be more. */
const MOST_FORWARDS = 999_999_999;

/**
 * Finds out who the client is, and drops what a client may not say of itself. Called once an exchange, before it is routed:
 * neither routes nor policies see a field that nobody vouches for.
 */
export function prepareRequest(exchange: Exchange): void {
  const { connection, request, snapshot } = exchange;
  if (!request.notable) return;
  const { isTrusted, trustsCertificates } = snapshot.forwarding;
  request.fields.edit(withoutShadowing);
  if (isTrusted(connection.remoteAddress)) {
    const chain = request.fields.get('x-forwarded-for') ?? chainOfForwarded(request.fields.get('forwarded') ?? '');
    if (chain !== undefined)
      exchange.clientAddress = clientFromForwardedFor(chain, connection.remoteAddress, isTrusted);
    // RFC 9440 2.4: a proxy "MUST sanitize the incoming request". One that knows X-Forwarded-For need not know of these fields, and would
    // pass on what its client has made up.
    if (!trustsCertificates) request.fields.edit((text) => withoutLines(text, tellsOfCertificates));
  } else {
    request.fields.edit((text) => withoutLines(text, tellsOfHops));
  }
  // httpoxy: a server that turns fields into variables would take this one for its own proxy setting.
  request.fields.delete('proxy');
}

/**
 * RFC 9110 7.6.2: OPTIONS whose Max-Forwards is zero is answered here. `undefined` when it goes on. (TRACE comes no further than
 * the listener.)
 */
export function answerMaxForwards(exchange: Exchange): Response | undefined {
  const { request } = exchange;
  if (request.method !== 'OPTIONS') return undefined;
  if (!/^0+$/.test(request.fields.get('max-forwards') ?? '')) return undefined;
  const fields = Fields.from([['allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS']]);
  return { status: 204, reason: '', fields, length: 0, body: undefined, tunnel: undefined };
}

/** The field lines for the endpoint. Throws a `ProxyError` when the request is going in circles. */
export function forwardFields(exchange: Exchange): string {
  const { connection, request, snapshot } = exchange;
  const { forwarding } = snapshot;
  const received = request.fields.text;
  if (request.notable || request.fields.changed) return lookCloser(exchange);
  let lines = received;
  if (forwarding.xForwarded) {
    lines += `x-forwarded-for: ${connection.remoteAddress}\r\nx-forwarded-proto: ${request.scheme}\r\n`;
    if (request.authority !== '') lines += `x-forwarded-host: ${request.authority}\r\n`;
  }
  if (forwarding.forwarded) lines += `forwarded: ${forwardedElement(exchange)}\r\n`;
  if (connection.tls) lines += connection.identityLines;
  return `${lines}via: ${request.version} ${forwarding.name}\r\n`;
}

/** RFC 9110 7.6.3: a gateway adds itself to Via of responses too. */
export function responseFields(exchange: Exchange, response: Response): void {
  if (exchange.firstByteMs >= 0) response.fields.appendLines(exchange.snapshot.forwarding.viaLine);
}

/** What is there already was said by a trusted proxy or set by a policy. */
function lookCloser(exchange: Exchange): string {
  const { connection, request, snapshot } = exchange;
  const { forwarding } = snapshot;
  const fields = request.fields.clone();
  const chain = fields.get('x-forwarded-for');
  if (forwarding.xForwarded || chain !== undefined) {
    fields.set('x-forwarded-for', joined(chain, connection.remoteAddress));
    if (!fields.has('x-forwarded-proto')) fields.append('x-forwarded-proto', request.scheme);
    if (!fields.has('x-forwarded-host') && request.authority !== '')
      fields.append('x-forwarded-host', request.authority);
  }
  const forwarded = fields.get('forwarded');
  if (forwarding.forwarded || forwarded !== undefined)
    fields.set('forwarded', joined(forwarded, forwardedElement(exchange)));
  const { identityLines } = connection;
  if (identityLines !== '') {
    // Whom the client has proved to be here stands over what a proxy in front has said.
    fields.edit((text) => withoutLines(text, tellsOfCertificates));
    fields.appendLines(identityLines);
  }
  countDownMaxForwards(request.method, fields);
  addVia(exchange, fields);
  return fields.text;
}

function joined(list: string | undefined, member: string): string {
  return list === undefined ? member : `${list}, ${member}`;
}

/** What only a trusted proxy may say: X-Forwarded-Port and its like too, and X-Real-IP, which applications take for the client's address. */
function tellsOfHops(name: string): boolean {
  return name === 'forwarded' || name === 'x-real-ip' || name.startsWith('x-forwarded-') || tellsOfCertificates(name);
}

function tellsOfCertificates(name: string): boolean {
  return name.startsWith('client-cert');
}

function countDownMaxForwards(method: string, fields: Fields): void {
  if (method !== 'OPTIONS') return;
  const value = fields.get('max-forwards');
  // RFC 9110 7.6.2: "the lesser of a) the received value decremented by one (1) or b) the recipient's maximum supported value".
  if (value !== undefined && /^[0-9]+$/.test(value))
    fields.set('max-forwards', String(Math.min(Number(value) - 1, MOST_FORWARDS)));
}

function addVia(exchange: Exchange, fields: Fields): void {
  const { name } = exchange.snapshot.forwarding;
  const received = fields.get('via');
  const own = `${exchange.request.version} ${name}`;
  if (received === undefined) {
    fields.append('via', own);
    return;
  }
  const passes = received.split(',').filter((member) => member.trim().split(/[ \t]+/)[1] === name).length;
  if (passes >= MAX_PASSES) throw new ProxyError('proxy_loop_detected', `Via names ${name} ${passes} times`);
  fields.set('via', `${received}, ${own}`);
}

/** RFC 7239 4: one element for this hop. */
function forwardedElement(exchange: Exchange): string {
  const { connection, request } = exchange;
  const address = connection.remoteAddress.includes(':')
    ? `"[${connection.remoteAddress}]"`
    : connection.remoteAddress || 'unknown';
  const host = request.authority === '' ? '' : `;host="${request.authority}"`;
  return `for=${address};proto=${request.scheme}${host}`;
}
