// Policy: limits the size of request content.
import { filterBody } from '#model/body-filter.ts';
import { definePolicy } from '#model/policy.ts';
import { ProxyError } from '#model/proxy-error.ts';
import { s } from '#schema/blocks.ts';

export const maxBody = definePolicy({
  type: 'max-body',
  summary: 'Limits the size of request content; answers 413 above it.',
  options: () => s.object({ size: s.size().describe('The most content, in bytes without framing.') }),
  example: 'type: max-body\nsize: 1MiB',
  create({ size }) {
    return (next) => (exchange) => {
      const { request } = exchange;
      if (request.length > size) {
        exchange.answeredBy = 'max-body';
        throw new ProxyError('request-body-too-large');
      }
      if (request.length < 0 && request.body?.type === 'stream') {
        let total = 0;
        request.body = filterBody(request.body, {
          chunk(bytes) {
            total += bytes.length;
            if (total <= size) return bytes;
            exchange.answeredBy = 'max-body';
            throw new ProxyError('request-body-too-large');
          },
        });
      }
      return next(exchange);
    };
  },
});
