// Policy: tells browsers to come back by HTTPS only (RFC 6797).
import { mapResponse } from '#model/handler.ts';
import { definePolicy } from '#model/policy.ts';
import { arrivedSecurely } from '#model/scheme.ts';
import { s } from '#schema/blocks.ts';

export const hsts = definePolicy({
  type: 'hsts',
  summary: 'Tells browsers to come back by HTTPS only: Strict-Transport-Security on what was asked by HTTPS.',
  options: () =>
    s.object({
      'max-age': s
        .longDuration()
        .prefault('365d')
        .describe('How long browsers keep to it, from the last response; 0s makes them forget it.'),
      'include-subdomains': s.boolean().default(false).describe('Whether it holds for all names below the host too.'),
      preload: s
        .boolean()
        .default(false)
        .describe(
          'Whether the host may be put on the list that browsers are shipped with; that wants max-age of a year and include-subdomains.',
        ),
    }),
  example: 'type: hsts\nmax-age: 365d\ninclude-subdomains: true',
  create(options) {
    const parts = [`max-age=${Math.floor(options['max-age'] / 1000)}`];
    if (options['include-subdomains']) parts.push('includeSubDomains');
    if (options.preload) parts.push('preload');
    const value = parts.join('; ');
    return (next) => (exchange) => {
      // RFC 6797 7.2: "An HSTS Host MUST NOT include the STS header field in HTTP responses conveyed over non-secure transport."
      if (!arrivedSecurely(exchange)) return next(exchange);
      return mapResponse(next(exchange), (response) => {
        // RFC 6797 7.1: "the server MUST include only one such header field".
        response.fields.set('strict-transport-security', value);
        return response;
      });
    };
  },
});
