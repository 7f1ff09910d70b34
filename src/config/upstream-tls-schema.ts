// The option `tls` of an upstream.
import { s } from '#schema/blocks.ts';
import { alpnProtocol, endpointTlsOptions } from '#schema/endpoint-tls.ts';

export const upstreamTls = s.union([
  s.boolean(),
  endpointTlsOptions({
    'session-reuse': s
      .boolean()
      .default(true)
      .describe('Whether new connections to an endpoint continue the sessions of earlier ones, which spares work.'),
    alpn: s
      .array(alpnProtocol)
      .default([])
      .describe(
        'Protocols offered by ALPN on connections of TCP listeners; none by default. Requests offer the HTTP they speak.',
      ),
  }),
]);
