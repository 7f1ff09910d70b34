// Policy: sends clients that come by HTTP to the same place by HTTPS.

import { Fields } from '#http/fields.ts';
import { encodeUriReference } from '#http/uri-reference.ts';
import { definePolicy } from '#model/policy.ts';
import { ProxyError } from '#model/proxy-error.ts';
import { arrivedSecurely } from '#model/scheme.ts';
import { s } from '#schema/blocks.ts';

const DEFAULT_PORT = 443;

export const httpsRedirect = definePolicy({
  type: 'https-redirect',
  summary: 'Sends clients that come by HTTP to the same place by HTTPS.',
  options: () =>
    s.object({
      port: s.integer({ min: 1, max: 65535 }).default(DEFAULT_PORT).describe('Where HTTPS is, as clients see it.'),
      status: s
        .union([s.literal(301), s.literal(302), s.literal(307), s.literal(308)])
        .default(308)
        .describe('301 and 308 may be remembered by clients; 307 and 308 keep method and content.'),
    }),
  example: 'type: https-redirect',
  create({ port, status }) {
    const suffix = port === DEFAULT_PORT ? '' : `:${port}`;
    return (next) => (exchange) => {
      if (arrivedSecurely(exchange)) return next(exchange);
      exchange.answeredBy = 'https-redirect';
      const { host, path, query } = exchange.request;
      // A client of HTTP/1.0 may name no host; and OPTIONS * is of no place.
      if (host === '' || !path.startsWith('/'))
        throw new ProxyError('http_request_denied', 'the request came by HTTP and names no place to redirect to');
      const fields = new Fields();
      fields.set('location', encodeUriReference(`https://${host}${suffix}${path}${query}`));
      return { status, reason: '', fields, length: 0, body: undefined, tunnel: undefined };
    };
  },
});
