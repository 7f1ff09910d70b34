// What a gateway changes in the fields of messages it passes on (RFC 9110 7.6): who the client is, Via, Max-Forwards.
//
// Hot path: a request that carries none of the fields concerned is found out by one search and gets three lines appended.

import { withoutLines } from '#http/field-lines.ts';
import { Fields } from '#http/fields.ts';
import { clientFromForwardedFor } from '#http/forwarded-for.ts';
import type { Exchange } from '#model/exchange.ts';
import type { Response } from '#model/message.ts';
import { ProxyError } from '#model/proxy-error.ts';

/** Requests that carry our name in Via more often than this are going in circles. */
const MAX_PASSES = 10;

/** Names whose presence needs a closer look. `_` stands for names that a CGI-like server reads as their hyphened twin. */
const CLOSER_LOOK = /^(?:x-forwarded-|forwarded:|via:|max-forwards:|proxy:|[^:\r]*_)/im;

const REPLACED = ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'forwarded'];

/** Finds out who the client is. Called once an exchange, before it is routed. */
export function prepareRequest(exchange: Exchange): void {
  const { connection, request, snapshot } = exchange;
  const { isTrusted } = snapshot.forwarding;
  if (!isTrusted(connection.remoteAddress)) return;
  const chain = request.fields.get('x-forwarded-for');
  if (chain !== undefined) exchange.clientAddress = clientFromForwardedFor(chain, connection.remoteAddress, isTrusted);
}

/**
 * RFC 9110 7.6.2: a request whose Max-Forwards is zero is answered here. `undefined` when it goes on.
 */
export function answerMaxForwards(exchange: Exchange): Response | undefined {
  const { request } = exchange;
  if (request.method !== 'TRACE' && request.method !== 'OPTIONS') return undefined;
  if (request.fields.get('max-forwards') !== '0') return undefined;
  const fields = Fields.from([['allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS']]);
  return { status: 204, reason: '', fields, length: 0, body: undefined, tunnel: undefined };
}

/** The field lines for the endpoint. Throws a `ProxyError` when the request is going in circles. */
export function forwardFields(exchange: Exchange): string {
  const { connection, request, snapshot } = exchange;
  const { forwarding } = snapshot;
  const received = request.fields.text;
  if (CLOSER_LOOK.test(received)) return lookCloser(exchange);
  let lines = received;
  if (forwarding.xForwarded) {
    lines += `x-forwarded-for: ${connection.remoteAddress}\r\nx-forwarded-proto: ${request.scheme}\r\n`;
    if (request.authority !== '') lines += `x-forwarded-host: ${request.authority}\r\n`;
  }
  if (forwarding.forwarded) lines += `forwarded: ${forwardedElement(exchange)}\r\n`;
  return `${lines}via: ${request.version} ${forwarding.name}\r\n`;
}

/** RFC 9110 7.6.3: a gateway adds itself to Via of responses too. */
export function responseFields(exchange: Exchange, response: Response): void {
  if (exchange.firstByteMs >= 0) response.fields.appendLines(exchange.snapshot.forwarding.viaLine);
}

function lookCloser(exchange: Exchange): string {
  const { connection, request, snapshot } = exchange;
  const { forwarding } = snapshot;
  const fields = new Fields(withoutLines(request.fields.text, isShadowing));
  const trusted = forwarding.isTrusted(connection.remoteAddress);
  const before = trusted ? REPLACED.map((name) => fields.get(name)) : [];
  for (const name of REPLACED) fields.delete(name);
  const [chain, proto, host, forwarded] = before;
  if (forwarding.xForwarded || chain !== undefined) {
    fields.set(
      'x-forwarded-for',
      chain === undefined ? connection.remoteAddress : `${chain}, ${connection.remoteAddress}`,
    );
    fields.set('x-forwarded-proto', proto ?? request.scheme);
    if (host !== undefined || request.authority !== '') fields.set('x-forwarded-host', host ?? request.authority);
  }
  if (forwarding.forwarded || forwarded !== undefined) {
    fields.set(
      'forwarded',
      forwarded === undefined ? forwardedElement(exchange) : `${forwarded}, ${forwardedElement(exchange)}`,
    );
  }
  // httpoxy: a server that turns fields into variables would take this one for its own proxy setting.
  fields.delete('proxy');
  countDownMaxForwards(request.method, fields);
  addVia(exchange, fields);
  return fields.text;
}

/** A name with an underscore reads like its twin with a hyphen to many applications: it could pass for a field we vouch for. */
function isShadowing(name: string): boolean {
  return name.includes('_');
}

function countDownMaxForwards(method: string, fields: Fields): void {
  if (method !== 'TRACE' && method !== 'OPTIONS') return;
  const value = fields.get('max-forwards');
  if (value !== undefined && /^[0-9]{1,9}$/.test(value))
    fields.set('max-forwards', String(Math.max(0, Number(value) - 1)));
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
