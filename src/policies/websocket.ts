// Policy: checks the opening handshakes of WebSockets, and has their messages looked at on their way through. What is looked at, and how,
// is in net/websocket-relay.ts.
import { compileOrigins, originPatternProblem } from '#http/origin.ts';
import type { Exchange } from '#model/exchange.ts';
import { mapResponse } from '#model/handler.ts';
import type { Response, Tunnel } from '#model/message.ts';
import { definePolicy, type PolicyHost } from '#model/policy.ts';
import { ProxyError } from '#model/proxy-error.ts';
import type { WebSocketRules } from '#model/web-socket.ts';
import { type Output, s } from '#schema/blocks.ts';
import {
  acceptFor,
  COMPRESSION,
  isKey,
  listMembers,
  namesWebSocket,
  parseExtensions,
  WEBSOCKET_VERSION,
} from '#wire/websocket/handshake.ts';

const ping = () =>
  s.object({
    interval: s.positiveDuration().describe('Without a byte from a side, after which it is pinged.'),
    timeout: s
      .positiveDuration()
      .prefault('10s')
      .describe('How long it may take until something comes from it; after that the WebSocket is closed.'),
    sides: s.enum(['both', 'client', 'endpoint']).default('both').describe('Who is pinged.'),
  });

const options = () =>
  s.object({
    origins: s
      .array(s.checked(originPatternProblem))
      .min(1)
      .optional()
      .describe(
        'Pages that may open a WebSocket from a browser: https://example.com, https://*.example.com, or same-host; others are answered 403. Clients that are no browsers send no Origin and are not held to it. All pages by default.',
      ),
    protocols: s
      .array(s.string().min(1))
      .min(1)
      .optional()
      .describe(
        'Subprotocols of which a client must offer one, else it is answered 403; what else it offers is not passed on. Any by default.',
      ),
    compression: s
      .boolean()
      .default(true)
      .describe('Whether sides may agree on compression of messages (permessage-deflate).'),
    'max-message': s
      .size()
      .prefault('16MiB')
      .describe('The most payload of a message in either direction, compressed where it is; more closes with 1009.'),
    'max-frame': s.size().optional().describe('The same of one frame; max-message by default.'),
    'frame-rate': s
      .rate()
      .optional()
      .describe('Frames that a client may send, pings and fragments included; more closes with 1008. Any by default.'),
    'frame-burst': s
      .integer({ min: 1, max: 1e9 })
      .optional()
      .describe('How many of them at once. By default one second of the rate, at least 1.'),
    ping: ping().optional().describe('Keeps WebSockets alive, and finds sides that are gone; off by default.'),
    'idle-timeout': s
      .positiveDuration()
      .optional()
      .describe(
        "Without data in either direction, pings and pongs set aside; closes with 1001. By default the upstream's timeouts.tunnel-idle, to which they count.",
      ),
    lifetime: s
      .positiveDuration()
      .optional()
      .describe('How long a WebSocket may last in all; closes with 1001. For ever by default.'),
    'close-spread': s
      .duration()
      .prefault('5s')
      .describe(
        'When the gateway stops, or the listener goes, WebSockets are closed with 1001 over this time, so that clients do not all come back at once.',
      ),
  });

type Options = Output<ReturnType<typeof options>>;

export const websocket = definePolicy({
  type: 'websocket',
  summary: 'Looks at WebSockets: origins, subprotocols, sizes, rates, signs of life; requests for anything else pass.',
  options,
  example: 'type: websocket\norigins: [same-host]\nmax-message: 1MiB\nping: { interval: 30s }',
  create(given, host) {
    const rules = compileRules(given, host);
    const isAllowed = given.origins && compileOrigins(given.origins);
    const protocols = given.protocols && new Set(given.protocols);
    return (next) => (exchange) => {
      const { request } = exchange;
      if (!namesWebSocket(request.upgrade)) return next(exchange);
      try {
        checkHandshake(exchange);
        checkOrigin(exchange, isAllowed);
        if (protocols) keepProtocols(exchange, protocols);
        keepCompression(exchange, given.compression);
      } catch (error) {
        exchange.answeredBy = 'websocket';
        throw error;
      }
      return mapResponse(next(exchange), (response) => inspect(exchange, response, rules));
    };
  },
});

function compileRules(given: Options, { random }: PolicyHost): WebSocketRules {
  const { ping: pings, 'frame-rate': rate } = given;
  const perSecond = rate === undefined ? 0 : (rate.count * 1000) / rate.perMs;
  return {
    maxMessageBytes: given['max-message'],
    maxFrameBytes: given['max-frame'] ?? given['max-message'],
    idleTimeoutMs: given['idle-timeout'],
    lifetimeMs: given.lifetime ?? 0,
    ping: pings && {
      intervalMs: pings.interval,
      timeoutMs: pings.timeout,
      client: pings.sides !== 'endpoint',
      endpoint: pings.sides !== 'client',
    },
    frameRate: rate && { perSecond, burst: given['frame-burst'] ?? Math.max(1, Math.floor(perSecond)) },
    closeSpreadMs: given['close-spread'],
    random,
  };
}

/** RFC 6455 4.2.1. Keys are a matter of HTTP/1.1: HTTP/2 has no need of them (RFC 8441 5). */
function checkHandshake({ request }: Exchange): void {
  const { fields, version, method } = request;
  if (fields.get('sec-websocket-version') !== WEBSOCKET_VERSION) {
    // RFC 6455 4.4: a server that does not speak the client's version names those that it speaks.
    throw new ProxyError('websocket-version', undefined, { fields: [['sec-websocket-version', WEBSOCKET_VERSION]] });
  }
  if (version !== '1.1') return;
  if (method !== 'GET') throw new ProxyError('http_request_error', `${method} opens no WebSocket`);
  if (!isKey(fields.get('sec-websocket-key'))) throw new ProxyError('http_request_error', 'Sec-WebSocket-Key is none');
}

/** RFC 6455 10.2: an origin that is not acceptable is answered 403. Against cross-site WebSocket hijacking. */
function checkOrigin({ request }: Exchange, isAllowed: ReturnType<typeof compileOrigins> | undefined): void {
  const origin = request.fields.get('origin');
  if (!isAllowed || origin === undefined || isAllowed(origin, request.authority)) return;
  throw new ProxyError('http_request_denied', `the origin ${origin} may open no WebSocket here`);
}

function keepProtocols({ request }: Exchange, allowed: ReadonlySet<string>): void {
  const offered = listMembers(request.fields.get('sec-websocket-protocol'));
  const kept = offered.filter((protocol) => allowed.has(protocol));
  if (kept.length === 0) {
    const what = offered.length === 0 ? 'no subprotocol' : `none but the subprotocols ${offered.join(', ')}`;
    throw new ProxyError('http_request_denied', `the client offers ${what}`);
  }
  if (kept.length < offered.length) request.fields.set('sec-websocket-protocol', kept.join(', '));
}

/** Frames of other extensions could not be understood, so these are not offered to the endpoint. */
function keepCompression({ request }: Exchange, mayCompress: boolean): void {
  const value = request.fields.get('sec-websocket-extensions');
  if (value === undefined) return;
  const offers = parseExtensions(value);
  const kept = (offers ?? []).filter(({ name }) => mayCompress && name === COMPRESSION);
  if (kept.length === offers?.length) return;
  request.fields.delete('sec-websocket-extensions');
  if (kept.length > 0) request.fields.append('sec-websocket-extensions', kept.map(({ text }) => text).join(', '));
}

function inspect(exchange: Exchange, response: Response, rules: WebSocketRules): Response {
  const { tunnel } = response;
  if (!tunnel || !namesWebSocket(tunnel.protocol)) return response;
  const problem = answerProblem(exchange, response);
  if (problem) {
    tunnel.stream.abort();
    tunnel.done();
    throw new ProxyError('http_upgrade_failed', problem);
  }
  const compression = (parseExtensions(response.fields.get('sec-websocket-extensions')) ?? []).length > 0;
  return { ...response, tunnel: inspected(tunnel, { rules, compression }) };
}

function inspected(tunnel: Tunnel, inspection: NonNullable<Tunnel['inspection']>): Tunnel {
  const { protocol, stream, early, idleTimeoutMs } = tunnel;
  return { protocol, stream, early, idleTimeoutMs, inspection, done: () => tunnel.done() };
}

/** What makes a client fail the connection in the answer to its handshake (RFC 6455 4.1), or `undefined`. */
function answerProblem({ request }: Exchange, { fields }: Response): string | undefined {
  const accept = fields.get('sec-websocket-accept');
  const key = request.fields.get('sec-websocket-key');
  // Every handshake has a key by now, and every answer over HTTP/2 its Sec-WebSocket-Accept, be they the gateway's own. "If the response
  // lacks a |Sec-WebSocket-Accept| header field or [it] contains a value other than [that], the client MUST _Fail the […] Connection_."
  if (key !== undefined && accept !== acceptFor(key))
    return 'Sec-WebSocket-Accept of the origin is missing, or does not fit the key';
  const protocol = fields.get('sec-websocket-protocol');
  const offered = listMembers(request.fields.get('sec-websocket-protocol'));
  if (protocol !== undefined && !offered.includes(protocol)) return 'the origin chose a subprotocol nobody offered';
  const extensions = parseExtensions(fields.get('sec-websocket-extensions'));
  const offers = parseExtensions(request.fields.get('sec-websocket-extensions')) ?? [];
  if (!extensions?.every(({ name }) => offers.some((offer) => offer.name === name)))
    return 'the origin chose an extension nobody offered';
  return undefined;
}
