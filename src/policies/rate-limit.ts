// Policy: so many requests a key in a time, exact over all workers.
import { mapResponse } from '#model/handler.ts';
import { compileKeySource, keySource } from '#model/key-source.ts';
import { definePolicy } from '#model/policy.ts';
import { ProxyError } from '#model/proxy-error.ts';
import { s } from '#schema/blocks.ts';

export const rateLimit = definePolicy({
  type: 'rate-limit',
  summary: 'Limits requests by a token bucket for each key, exact over all workers; answers 429 above it.',
  options: () =>
    s.object({
      key: keySource().prefault('client-address'),
      rate: s.rate().describe('How fast the bucket fills: 100/s, 10/m.'),
      burst: s
        .integer({ min: 1, max: 1e9 })
        .optional()
        .describe('How many tokens it holds: requests at once. By default one second of the rate, at least 1.'),
      fields: s
        .boolean()
        .default(true)
        .describe('Whether responses carry RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-10).'),
    }),
  example: 'type: rate-limit\nkey: client-address\nrate: 100/s\nburst: 200',
  create({ key, rate, burst, fields }, host) {
    const perSecond = (rate.count * 1000) / rate.perMs;
    const size = burst ?? Math.max(1, Math.floor(perSecond));
    const keyOf = compileKeySource(key);
    const windowSeconds = Math.max(1, Math.ceil(size / perSecond));
    const policyField = `"default";q=${size};w=${windowSeconds}`;
    return (next) => (exchange) => {
      const result = host.buckets.take(`${host.identity}\n${keyOf(exchange)}`, perSecond, size, host.clock.wall());
      const limitField = `"default";r=${result.remaining};t=${Math.ceil(result.resetMs / 1000)}`;
      if (!result.allowed) {
        exchange.answeredBy = 'rate-limit';
        const retryAfter = ['retry-after', String(Math.max(1, Math.ceil(result.retryAfterMs / 1000)))] as const;
        throw new ProxyError('rate-limited', undefined, {
          fields: fields ? [retryAfter, ['ratelimit-policy', policyField], ['ratelimit', limitField]] : [retryAfter],
        });
      }
      if (!fields) return next(exchange);
      return mapResponse(next(exchange), (response) => {
        response.fields.append('ratelimit-policy', policyField);
        response.fields.append('ratelimit', limitField);
        return response;
      });
    };
  },
});
