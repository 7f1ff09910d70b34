// The sections `listeners`, `forwarding`, `admin`, `logs`, `overload` and `drain` of a configuration.
import { s } from '#schema/blocks.ts';
import { subsetOptions } from './subset-schema.ts';

const timeouts = s.object({
  head: s.duration().prefault('10s').describe('From the first byte of a request head to its last.'),
  body: s.duration().prefault('30s').describe('Without a byte of request content.'),
  'keep-alive': s.duration().prefault('65s').describe('Between two requests on one connection.'),
  send: s.duration().prefault('30s').describe('Without the client taking a byte of the response.'),
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
});

export const listener = s.object({
  address: s
    .address()
    .describe(
      'Where to listen: 0.0.0.0:8080, [::]:8080 or unix:/path (served by one worker). Port 0 takes a free one.',
    ),
  protocol: s
    .enum(['http', 'tcp'])
    .default('http')
    .describe('What is spoken here: http, or tcp for connections that are passed on as they are.'),
  upstream: s.string().optional().describe('Where connections go, with protocol: tcp.'),
  ...subsetOptions,
  'proxy-protocol': s
    .array(s.prefix())
    .optional()
    .describe(
      'Proxies in front, by prefix, that tell whose connection they pass on by a PROXY protocol header, version 1 or 2. With it every connection must come from one of them and begin with a header.',
    ),
  timeouts: timeouts.prefault({}).describe('How long a client may take.'),
  limits: limits.prefault({}).describe('How much a client may send.'),
});

export const forwarding = s.object({
  trusted: s
    .array(s.prefix())
    .default([])
    .describe('Addresses of proxies in front whose X-Forwarded-* and Forwarded fields are believed.'),
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
    .duration()
    .describe(
      'How late the event loop of a worker may be, for a fifth of a second, before it answers requests of routes with priority: low by 503; at twice that those with normal, at four times those with high. Never those that are critical.',
    ),
});

export const drain = s.object({
  timeout: s.duration().prefault('30s').describe('How long exchanges may go on after SIGTERM before they are cut off.'),
});
