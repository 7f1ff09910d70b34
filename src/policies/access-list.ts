// Policy: lets clients in or keeps them out by address.
import { PrefixMap } from '#lib/prefix-set.ts';
import { definePolicy } from '#model/policy.ts';
import { ProxyError } from '#model/proxy-error.ts';
import { s } from '#schema/blocks.ts';

export const accessList = definePolicy({
  type: 'access-list',
  summary: 'Lets clients in or keeps them out by address; the longest prefix that holds the address decides.',
  options: () =>
    s.object({
      allow: s
        .array(s.prefix())
        .default([])
        .describe('Prefixes that are let in. With any, all other addresses are kept out.'),
      deny: s.array(s.prefix()).default([]).describe('Prefixes that are kept out. Of equal prefixes deny wins.'),
    }),
  example: 'type: access-list\nallow: [10.0.0.0/8]\ndeny: [10.6.6.0/24]',
  create({ allow, deny }) {
    const verdicts = new PrefixMap<boolean>();
    for (const prefix of deny) verdicts.add(prefix, false);
    for (const prefix of allow) verdicts.add(prefix, true);
    const otherwise = allow.length === 0;
    return (next) => (exchange) => {
      if (verdicts.get(exchange.clientAddress) ?? otherwise) return next(exchange);
      exchange.answeredBy = 'access-list';
      throw new ProxyError('http_request_denied', `${exchange.clientAddress} is not let in`);
    };
  },
});
