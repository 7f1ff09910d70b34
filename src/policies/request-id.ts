// Policy: gives each exchange an identity that logs and endpoints share.
import { mapResponse } from '#model/handler.ts';
import { definePolicy } from '#model/policy.ts';
import { s } from '#schema/blocks.ts';

/** What is taken over from outside: enough for UUIDs and trace identities, nothing that could break a log. */
const ACCEPTABLE = /^[A-Za-z0-9._:/+=-]{1,128}$/;

export const requestId = definePolicy({
  type: 'request-id',
  summary: 'Gives each exchange an identity: in the access record, to the endpoint, and to the client.',
  options: () =>
    s.object({
      field: s.fieldName().prefault('x-request-id').describe('Name of the field.'),
      accept: s
        .enum(['trusted', 'always', 'never'])
        .default('trusted')
        .describe(
          'Whose identities are taken over: those of trusted proxies (forwarding.trusted), of everybody, or of nobody.',
        ),
      respond: s.boolean().default(true).describe('Whether the response carries it too.'),
    }),
  example: 'type: request-id\naccept: trusted',
  create({ field, accept, respond }) {
    return (next) => (exchange) => {
      const { request, connection, snapshot } = exchange;
      const believed =
        accept === 'always' || (accept === 'trusted' && snapshot.forwarding.isTrusted(connection.remoteAddress));
      const given = believed ? request.fields.get(field) : undefined;
      if (given !== undefined && ACCEPTABLE.test(given)) exchange.id = given;
      else request.fields.set(field, exchange.id);
      if (!respond) return next(exchange);
      return mapResponse(next(exchange), (response) => {
        response.fields.set(field, exchange.id);
        return response;
      });
    };
  },
});
