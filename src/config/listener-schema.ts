// The sections `listeners`, `forwarding`, `admin`, `logs`, `overload` and `drain` of a configuration.
import { validateHostPattern } from '#routing/patterns.ts';
import { s } from '#schema/blocks.ts';
import { subsetOptions } from './subset-schema.ts';
import { listenerTls } from './tls-schema.ts';

const timeouts = s.object({
  head: s.positiveDuration().prefault('10s').describe('From the first byte of a request head to its last.'),
  body: s
    .positiveDuration()
    .prefault('30s')
    .describe('Without a byte of request content, as long as no response has begun.'),
  'keep-alive': s.duration().prefault('65s').describe('Between two requests on one connection.'),
  send: s
    .positiveDuration()
    .prefault('30s')
    .describe(
      'Within this a client must take some of a response that waits for it: with HTTP/2 8 KiB, or all that waits; with HTTP/1.1 what was written last, 64 KiB at most.',
    ),
  'first-bytes': s
    .positiveDuration()
    .prefault('3s')
    .describe(
      'On a listener with routes, until the client has said enough to choose one. A client that says nothing gets the route without conditions then.',
    ),
  lifetime: s
    .positiveDuration()
    .optional()
    .describe(
      'How long a connection or session may last in all. With protocol: http it ends behind the first request after that, 1 h by default; with tcp and udp at once, and never by default.',
    ),
});

const limits = s.object({
  head: s.size().prefault('16KiB').describe('A request head with all its fields; more is answered 431.'),
  fields: s.integer({ min: 1, max: 10000 }).default(100).describe('Fields of a request head; more is answered 431.'),
  target: s.size().prefault('8KiB').describe('A request target; longer is answered 414.'),
  body: s
    .size()
    .optional()
    .describe('Request content; more is answered 413. No limit by default: see the policy max-body.'),
  requests: s.integer({ min: 1, max: 1e9 }).default(10000).describe('Requests on one connection before it is closed.'),
  connections: s.integer({ min: 1, max: 1e7 }).default(100000).describe('Connections in one worker; more are refused.'),
  'client-connections': s
    .integer({ min: 1, max: 1e7 })
    .optional()
    .describe(
      'Connections, or UDP sessions, of one client in one worker; more are refused. IPv6 clients count by /64.',
    ),
  rate: s
    .rate()
    .optional()
    .describe(
      'New connections, or UDP sessions, over all workers, such as 500/s: so many at once, and as many in each further period.',
    ),
  'client-rate': s.rate().optional().describe('The same for each client.'),
});

export const udp = s.object({
  idle: s
    .positiveDuration()
    .prefault('30s')
    .describe('Without a datagram in either direction, after which a session ends.'),
  sessions: s
    .integer({ min: 1, max: 1e6 })
    .default(10000)
    .describe(
      'Sessions in one worker. Above, the oldest one ends whose client has not sent again after an answer; without such a one, nobody new is served.',
    ),
  answers: s
    .integer({ min: 1, max: 1e6 })
    .optional()
    .describe(
      'Datagrams that each datagram of a client is answered with: 1 for DNS. A session then ends with its last answer, instead of when it has been idle.',
    ),
});

const http2 = s.object({
  enabled: s
    .boolean()
    .default(true)
    .describe('Whether clients may speak HTTP/2: agreed on by ALPN with TLS, by prior knowledge without.'),
  streams: s
    .integer({ min: 1, max: 1e6 })
    .default(100)
    .describe('Requests that a client may have under way on one connection; more are refused, to be tried again.'),
  'stream-window': s
    .window()
    .prefault('64KiB')
    .describe('Request content that a client may send ahead of its being taken.'),
  'connection-window': s
    .window()
    .prefault('1MiB')
    .describe('The same for all requests of a connection together, which bounds the memory that one may cost.'),
  'ping-interval': s
    .positiveDuration()
    .optional()
    .describe(
      'While requests are under way and nothing has come from the client for so long, it is asked by a PING whether it is still there; never by default.',
    ),
  'ping-timeout': s
    .positiveDuration()
    .prefault('10s')
    .describe('For its answer; without one the connection is closed.'),
});

/** Which connections of a TCP listener go where, by their first bytes. */
const streamRoute = s.object({
  sni: s
    .list(s.checked(validateHostPattern, (text) => text.toLowerCase()))
    .default([])
    .describe('Names that a TLS client asks for, or *.example.com for all names below.'),
  alpn: s.list(s.string().min(1)).default([]).describe('Protocols of which a TLS client must offer one, such as h2.'),
  protocol: s
    .enum(['any', 'tls', 'http', 'ssh', 'proxy', 'other'])
    .default('any')
    .describe(
      'What the first bytes must be: tls, http, ssh, proxy (a PROXY protocol header, passed on as it is), or other for none of them.',
    ),
  upstream: s.string().optional().describe('Where the connection goes.'),
  ...subsetOptions,
  terminate: s
    .boolean()
    .default(false)
    .describe('Whether TLS ends here, by the section tls of the listener, and what is in it goes to the upstream.'),
  http: s
    .boolean()
    .default(false)
    .describe(
      'Instead of an upstream: the connection is one of HTTP, for the routes of this configuration; TLS ends here, by the section tls of the listener.',
    ),
});

export const listener = s.object({
  address: s
    .address()
    .describe(
      'Where to listen: 0.0.0.0:8080, [::]:8080 or unix:/path (served by one worker). Port 0 takes a free one.',
    ),
  protocol: s
    .enum(['http', 'tcp', 'udp'])
    .default('http')
    .describe(
      'What is spoken here: http; or tcp for connections, and udp for datagrams, that are passed on as they are.',
    ),
  upstream: s.string().optional().describe('Where connections or datagrams go, with protocol: tcp or udp.'),
  ...subsetOptions,
  routes: s
    .array(streamRoute)
    .optional()
    .describe(
      'With protocol: tcp, where connections go by their first bytes, instead of one upstream. Names stand over *.names, those over none; then a protocol over none, and alpn over none; then the order.',
    ),
  udp: udp.optional().describe('Sessions, with protocol: udp.'),
  http2: http2.prefault({}).describe('HTTP/2 of clients, with protocol: http.'),
  'proxy-protocol': s
    .array(s.prefix())
    .min(1)
    .optional()
    .describe(
      'Proxies in front, by prefix, that tell whose connection they pass on by a PROXY protocol header, version 1 or 2. With it every connection must come from one of them and begin with a header.',
    ),
  tls: listenerTls
    .optional()
    .describe(
      'Ends TLS here: clients speak HTTPS, or with protocol: tcp whatever it is in TLS. With routes it is for those that say so.',
    ),
  timeouts: timeouts.prefault({}).describe('How long a client may take.'),
  limits: limits.prefault({}).describe('How much a client may send.'),
});

export const forwarding = s.object({
  trusted: s
    .array(s.prefix())
    .default([])
    .describe('Addresses of proxies in front whose X-Forwarded-* and Forwarded fields are believed.'),
  'client-certificates': s
    .boolean()
    .default(false)
    .describe(
      'Whether those proxies are also believed what they say of client certificates, in Client-Cert and its like. Only for proxies that take these fields from every request of their own clients.',
    ),
  name: s
    .checked((text) => (/^[A-Za-z0-9-]+$/.test(text) ? undefined : 'a pseudonym holds letters, digits and - only'))
    .prefault('tidegate')
    .describe('Pseudonym in Via and Proxy-Status.'),
  'x-forwarded': s.boolean().default(true).describe('Whether X-Forwarded-For, -Proto and -Host are sent to endpoints.'),
  forwarded: s.boolean().default(false).describe('Whether Forwarded (RFC 7239) is sent to endpoints.'),
  'allow-encoded-slash': s.boolean().default(false).describe('Whether paths may hold %2F, %5C and %00.'),
});

export const admin = s.object({
  address: s.address().prefault('127.0.0.1:9900').describe('Where the admin API listens.'),
  token: s
    .string()
    .min(8)
    .optional()
    .describe('Bearer token for calls that change something. Without one they are refused.'),
});

export const logs = s.object({
  access: s
    .object({
      format: s
        .string()
        .prefault('json')
        .describe('json, combined, common, or a template such as "${client.address} ${response.status}".'),
      to: s.string().prefault('stdout').describe('stdout, off, or the path of a file.'),
    })
    .prefault({})
    .describe('One record for every exchange.'),
  level: s
    .enum(['debug', 'info', 'warn', 'error'])
    .default('info')
    .describe('Least severity of what the program itself logs, to stderr.'),
});

export const overload = s.object({
  delay: s
    .positiveDuration()
    .describe(
      'How late the event loop of a worker may be, for a fifth of a second, before it answers requests of routes with priority: low by 503; at twice that those with normal, at four times those with high. Never those that are critical.',
    ),
});

export const drain = s.object({
  timeout: s.duration().prefault('30s').describe('How long exchanges may go on after SIGTERM before they are cut off.'),
});
