// Names and passwords: right ones enter, all else is 401 with a challenge.
import assert from 'node:assert/strict';
import { scryptSync } from 'node:crypto';
import { test } from 'node:test';
import { ProxyError } from '#model/proxy-error.ts';
import { createTestExchange, createTestHost, createTestResponse } from '#model/testing.ts';
import { basicAuth } from './basic-auth.ts';

const SALT = Buffer.from('salt-for-tests');
const HASH = `scrypt$1024$8$1$${SALT.toString('base64')}$${scryptSync('secret', SALT, 32, { N: 1024, r: 8, p: 1 }).toString('base64')}`;

function create(options: unknown) {
  const seen: (string | undefined)[] = [];
  const handler = basicAuth.create(
    basicAuth.options.parse(options),
    createTestHost(),
  )((exchange) => {
    seen.push(exchange.request.fields.get('authorization'));
    return createTestResponse();
  });
  const ask = async (authorization?: string) => {
    const exchange = createTestExchange({
      fields: authorization === undefined ? [] : [['authorization', authorization]],
    });
    try {
      await handler(exchange);
      return exchange.consumer;
    } catch (error) {
      assert.ok(error instanceof ProxyError);
      assert.equal(error.status, 401);
      return error.answerFields.map(([name, value]) => `${name}: ${value}`).join();
    }
  };
  return { ask, seen };
}

const basic = (pair: string) => `Basic ${Buffer.from(pair).toString('base64')}`;
const CHALLENGE = 'www-authenticate: Basic realm="area", charset="UTF-8"';

for (const [what, secret] of [
  ['a password', { password: 'secret' }],
  ['a scrypt hash', { 'password-hash': HASH }],
] as const) {
  test(`${what}: the right pair enters, again and again, and everything else gets the challenge`, async () => {
    const { ask } = create({ realm: 'area', users: [{ name: 'ada', ...secret }] });
    assert.equal(await ask(basic('ada:secret')), 'ada');
    assert.equal(await ask(basic('ada:secret')), 'ada');
    for (const authorization of [
      undefined,
      '',
      'Basic',
      'Basic !!!',
      basic('ada:Secret'),
      basic('ada:'),
      basic('ada'),
      basic('bob:secret'),
      basic(':secret'),
      `Bearer ${basic('ada:secret').slice(6)}`,
      `${basic('ada:secret')}, ${basic('ada:secret')}`,
    ])
      assert.equal(await ask(authorization), CHALLENGE, String(authorization));
  });
}

test('RFC 7617 2: the scheme is read in any case, and a password may hold colons and UTF-8', async () => {
  const { ask } = create({ users: [{ name: 'ada', password: 'a:b:ü' }] });
  assert.equal(await ask(basic('ada:a:b:ü').replace('Basic', 'bAsIc')), 'ada');
});

test('the credentials stay here unless they are to be forwarded', async () => {
  const users = [{ name: 'ada', password: 'x' }];
  const kept = create({ users });
  await kept.ask(basic('ada:x'));
  assert.deepEqual(kept.seen, [undefined]);
  const forwarded = create({ users, forward: true });
  await forwarded.ask(basic('ada:x'));
  assert.deepEqual(forwarded.seen, [basic('ada:x')]);
});

test('users that make no sense are refused with the configuration', () => {
  const twice = [
    { name: 'ada', password: 'x' },
    { name: 'ada', password: 'y' },
  ];
  for (const users of [
    twice,
    [{ name: 'ada' }],
    [{ name: 'ada', password: 'x', 'password-hash': HASH }],
    [{ name: 'ada', 'password-hash': 'md5$x' }],
  ])
    assert.throws(() => create({ users }));
  assert.equal(basicAuth.options.safeParse({ users: [{ name: 'a:b', password: 'x' }] }).success, false);
});
