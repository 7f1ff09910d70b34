// The option `persistence` of an upstream: what a session is told by, and what becomes of it when its endpoint goes.
import { s } from '#schema/blocks.ts';
import { isFieldName } from '#schema/tokens.ts';

const cookieName = () => s.checked((text) => (isFieldName(text) ? undefined : 'a cookie name is a token'));

/** What every type takes. */
const everywhere = {
  'while-draining': s
    .enum(['keep', 'move'])
    .default('keep')
    .describe('Whether sessions stay on an endpoint that drains, or move at their next request.'),
  'when-down': s
    .enum(['move', 'refuse'])
    .default('move')
    .describe(
      'Whether sessions of an endpoint that is unhealthy or ejected, or fails the request, move to another one, or their requests are refused (503) until it is back. Sessions of an endpoint that is gone from the list always move.',
    ),
};

/** What the types take that keep sessions in a table. */
const table = {
  ttl: s.duration().prefault('30m').describe('How long a session is kept after its last request.'),
  'max-sessions': s
    .integer({ min: 8, max: 1e7 })
    .default(65536)
    .describe(
      'Sessions kept, over all workers; beyond, those that are longest without a request make room. Each takes 25 bytes. A reload that changes it forgets them.',
    ),
};

const cookie = s.object({
  type: s.literal('cookie').describe('cookie: one that the gateway issues, and that tells nothing of the endpoint.'),
  name: cookieName().optional().describe('Name of the cookie; tidegate- and the name of the upstream by default.'),
  ttl: s.duration().optional().describe('How long it lives; as long as the session of the browser by default.'),
  'same-site': s.enum(['lax', 'strict', 'none']).default('lax').describe('Its attribute SameSite.'),
  secret: s
    .string()
    .min(16)
    .optional()
    .describe(
      'Signs the cookie. Drawn when the gateway starts by default; to be set where several gateways serve the same sessions, or sessions are to outlive a restart.',
    ),
  ...everywhere,
});

const byCookie = s.object({ cookie: cookieName().describe('Name of a cookie.') });
const byHeader = s.object({ header: s.fieldName().describe('Name of a field.') });
const byQuery = s.object({ query: s.string().describe('Name of a query parameter.') });

const learned = s.object({
  type: s
    .literal('learned')
    .describe('learned: a value that the application gives in its response, as a cookie or in a field.'),
  learn: s.union([byCookie, byHeader]).describe('Where the response gives it: { cookie: name } or { header: name }.'),
  'look-up': s
    .list(s.union([byCookie, byHeader, byQuery]))
    .optional()
    .describe(
      'Where requests bring it, the first that is there: { cookie | header | query: name }, or a list of them; as in learn by default.',
    ),
  ...table,
  ...everywhere,
});

const sourceAddress = s.object({
  type: s.literal('source-address').describe('source-address: the address of the client.'),
  'ipv4-prefix': s
    .integer({ min: 1, max: 32 })
    .default(32)
    .describe('Leading bits of an IPv4 address that tell one client from another.'),
  'ipv6-prefix': s
    .integer({ min: 1, max: 128 })
    .default(64)
    .describe('The same for IPv6, where a subscriber owns at least a /64.'),
  ...table,
  ...everywhere,
});

export const persistence = s.variants([cookie, learned, sourceAddress]);
