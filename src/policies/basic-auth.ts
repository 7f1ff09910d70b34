// Policy: asks for a name and a password (RFC 7617).
import { createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import type { Clock } from '#lib/clock.ts';
import { ConfigurationError } from '#model/configuration-error.ts';
import type { Exchange } from '#model/exchange.ts';
import { definePolicy } from '#model/policy.ts';
import { ProxyError } from '#model/proxy-error.ts';
import { type Output, s } from '#schema/blocks.ts';

/** How long a verified pair is remembered: scrypt is slow on purpose, and clients send the pair with every request. */
const REMEMBER_MS = 60_000;
const MAX_REMEMBERED = 10_000;

const user = () =>
  s.object({
    name: s
      .checked((text) => (/^[^:]+$/.test(text) ? undefined : 'a user name is not empty and holds no colon'))
      .describe('Name.'),
    password: s.string().optional().describe('Password; best given as ${env:NAME} or ${file:path}.'),
    'password-hash': s.string().optional().describe('scrypt$N$r$p$salt$hash, salt and hash in base64.'),
  });

export const basicAuth = definePolicy({
  type: 'basic-auth',
  summary: 'Asks for a name and a password (RFC 7617) and answers 401 without right ones.',
  options: () =>
    s.object({
      users: s.array(user()).describe('Who is let in.'),
      realm: s
        .checked((text) =>
          /^[\x20-\x7e]*$/.test(text) && !/["\\]/.test(text) ? undefined : 'a realm is ASCII without quotes',
        )
        .prefault('tidegate')
        .describe('Shown to the user by browsers.'),
      forward: s.boolean().default(false).describe('Whether Authorization is sent on to the endpoint.'),
    }),
  example: 'type: basic-auth\nrealm: staging\nusers: [{ name: ada, password: "${env:ADA_PASSWORD}" }]',
  create({ users, realm, forward }, host) {
    const verify = createVerifier(users, host.clock);
    const challenge = ['www-authenticate', `Basic realm="${realm}", charset="UTF-8"`] as const;
    const refuse = (exchange: Exchange): never => {
      exchange.answeredBy = 'basic-auth';
      throw new ProxyError('unauthorized', undefined, { fields: [challenge] });
    };
    return (next) => (exchange) => {
      const { fields } = exchange.request;
      const credentials = parseCredentials(fields.get('authorization'));
      if (!credentials) return refuse(exchange);
      const enter = (verified: boolean) => {
        if (!verified) return refuse(exchange);
        exchange.consumer = credentials.name;
        if (!forward) fields.delete('authorization');
        return next(exchange);
      };
      const verified = verify(credentials);
      return typeof verified === 'boolean' ? enter(verified) : verified.then(enter);
    };
  },
});

interface Credentials {
  readonly name: string;
  readonly password: string;
}

type Check = (password: string) => boolean | Promise<boolean>;

/** Verifies pairs; for those verified a moment ago at once. */
function createVerifier(
  users: readonly Output<ReturnType<typeof user>>[],
  clock: Clock,
): (credentials: Credentials) => boolean | Promise<boolean> {
  const key = randomBytes(32);
  const digest = (text: string) => createHmac('sha256', key).update(text).digest();
  const checks = new Map(users.map((entry): [string, Check] => [entry.name, createCheck(entry, digest)]));
  if (checks.size < users.length) throw new ConfigurationError('two users of basic-auth have the same name');
  // Who does not exist takes as long to refuse as who does.
  const nobody = users[0] ? createCheck(users[0], digest) : () => false;
  const remembered = new Map<string, number>();
  return ({ name, password }) => {
    const check = checks.get(name);
    const pair = digest(`${name}:${password}`).toString('base64');
    if (check && (remembered.get(pair) ?? 0) > clock.now()) return true;
    const result = (check ?? nobody)(password);
    if (typeof result === 'boolean') return check !== undefined && result;
    return result.then((right) => {
      if (!check || !right) return false;
      if (remembered.size >= MAX_REMEMBERED) remembered.clear();
      remembered.set(pair, clock.now() + REMEMBER_MS);
      return true;
    });
  };
}

function createCheck(entry: Output<ReturnType<typeof user>>, digest: (text: string) => Buffer): Check {
  if ((entry.password === undefined) === (entry['password-hash'] === undefined)) {
    throw new ConfigurationError(`the user ${entry.name} needs exactly one of password and password-hash`);
  }
  if (entry.password !== undefined) {
    const expected = digest(entry.password);
    return (password) => timingSafeEqual(digest(password), expected);
  }
  return createHashCheck(entry['password-hash'] as string);
}

function createHashCheck(text: string): Check {
  const match = /^scrypt\$(\d+)\$(\d+)\$(\d+)\$([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+)$/.exec(text);
  if (!match) throw new ConfigurationError('a password-hash has the form scrypt$N$r$p$salt$hash');
  const [, N, r, p, salt, hash] = match as unknown as [string, string, string, string, string, string];
  const expected = Buffer.from(hash, 'base64');
  const options = { N: Number(N), r: Number(r), p: Number(p), maxmem: 256 * Number(N) * Number(r) };
  return (password) =>
    new Promise((resolve, reject) => {
      scrypt(password, Buffer.from(salt, 'base64'), expected.length, options, (error, derived) => {
        if (error) reject(error);
        else resolve(timingSafeEqual(derived, expected));
      });
    });
}

/** RFC 7617 2: base64 of `name:password`, in UTF-8 as our challenge asks for. */
function parseCredentials(field: string | undefined): Credentials | undefined {
  const encoded = /^basic +([A-Za-z0-9+/=]+)$/i.exec(field ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { name: text.slice(0, colon), password: text.slice(colon + 1) };
}
