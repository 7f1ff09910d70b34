// The policies whose work is done in a few lines: max-body, rate-limit, request-id, respond, rewrite-path.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Exchange } from '#model/exchange.ts';
import { isPending } from '#model/handler.ts';
import type { PolicyModule } from '#model/policy.ts';
import { ProxyError } from '#model/proxy-error.ts';
import { createTestExchange, createTestHost, createTestResponse, type TestRequest } from '#model/testing.ts';
import { maxBody } from './max-body.ts';
import { rateLimit } from './rate-limit.ts';
import { requestId } from './request-id.ts';
import { respond } from './respond.ts';
import { rewritePath } from './rewrite-path.ts';

async function run<Options>(policy: PolicyModule<Options>, options: unknown, request: TestRequest = {}) {
  const exchange: Exchange = createTestExchange(request);
  const handler = policy.create(policy.options.parse(options), createTestHost())(() => createTestResponse());
  return { exchange, response: await handler(exchange) };
}

const path = async (options: unknown, target: string) =>
  (await run(rewritePath, options, { target })).exchange.request.path;

test('max-body refuses content by its announced length, and takes the limit itself', async () => {
  await run(maxBody, { size: '5B' }, { method: 'POST', body: '12345' });
  await assert.rejects(run(maxBody, { size: '5B' }, { method: 'POST', body: '123456' }), {
    code: 'request-body-too-large',
  });
});

test('rate-limit grants the burst, refuses with Retry-After, and grants again as time passes', () => {
  const host = createTestHost();
  const options = rateLimit.options.parse({ rate: '2/s', burst: 3 });
  const handler = rateLimit.create(options, host)(() => createTestResponse());
  const ask = () => {
    try {
      const response = handler(createTestExchange());
      assert.ok(!isPending(response));
      return response.fields.get('ratelimit');
    } catch (error) {
      assert.ok(error instanceof ProxyError);
      return new Map(error.answerFields).get('retry-after');
    }
  };
  assert.deepEqual([ask(), ask(), ask(), ask()], ['"default";r=2;t=1', '"default";r=1;t=1', '"default";r=0;t=2', '1']);
  host.clock.advance(500);
  assert.deepEqual([ask(), ask()], ['"default";r=0;t=2', '1']);
});

test('rate-limit keeps a bucket for each key and each place in the configuration', () => {
  const host = createTestHost('routes.a.policies.0');
  const other = { ...host, identity: 'routes.b.policies.0' };
  const options = rateLimit.options.parse({ key: { header: 'x-key' }, rate: '1/s' });
  const [here, there] = [host, other].map((one) => rateLimit.create(options, one)(() => createTestResponse()));
  const allowed = (handler: typeof here, key: string) => {
    try {
      handler?.(createTestExchange({ fields: [['x-key', key]] }));
      return true;
    } catch {
      return false;
    }
  };
  assert.deepEqual(
    [allowed(here, 'a'), allowed(here, 'a'), allowed(here, 'b'), allowed(there, 'a')],
    [true, false, true, true],
  );
});

test('request-id makes an identity, tells it to both sides, and takes none from strangers', async () => {
  const { exchange, response } = await run(requestId, {}, { fields: [['X-Request-ID', 'given']] });
  assert.match(exchange.id, /^[0-9a-f-]{36}$/);
  assert.equal(exchange.request.fields.get('x-request-id'), exchange.id);
  assert.equal(response.fields.get('x-request-id'), exchange.id);
});

test('request-id takes over what is given when it may, unless it could break a log', async () => {
  const taken = await run(requestId, { accept: 'always' }, { fields: [['X-Request-ID', 'abc-1']] });
  assert.equal(taken.exchange.id, 'abc-1');
  for (const bad of ['a b', 'a"b', 'x'.repeat(129)]) {
    const { exchange } = await run(requestId, { accept: 'always' }, { fields: [['X-Request-ID', bad]] });
    assert.notEqual(exchange.id, bad);
  }
});

test('respond answers by itself, with variables', async () => {
  const { response, exchange } = await run(respond, { status: 418, body: 'hello ${client.address}' });
  assert.equal(response.status, 418);
  assert.equal(response.body?.type === 'fixed' && String(response.body.content), 'hello 192.0.2.1');
  assert.equal(exchange.answeredBy, 'respond');
});

test('rewrite-path strips and adds whole prefixes', async () => {
  assert.equal(await path({ 'strip-prefix': '/api' }, '/api/users'), '/users');
  assert.equal(await path({ 'strip-prefix': '/api/' }, '/api'), '/');
  assert.equal(await path({ 'strip-prefix': '/api' }, '/apis'), '/apis');
  assert.equal(await path({ 'strip-prefix': '/api', 'add-prefix': '/v2/' }, '/api/users'), '/v2/users');
});

test('rewrite-path replaces by expression and by template, and the result is normalised', async () => {
  assert.equal(await path({ pattern: '^/v([0-9]+)/', with: '/version-$1/' }, '/v2/x'), '/version-2/x');
  assert.equal(await path({ replace: '/x/../${request.method}' }, '/'), '/GET');
});

test('rewrite-path refuses a path that is none', async () => {
  await assert.rejects(path({ replace: 'no-slash' }, '/'), { code: 'http_request_error' });
});

test('rewrite-path keeps the query', async () => {
  const { exchange } = await run(rewritePath, { 'add-prefix': '/a' }, { target: '/b?c=d' });
  assert.equal(exchange.request.path + exchange.request.query, '/a/b?c=d');
});

test('rewrite-path without anything to do, or with an expression that has no linear time, is refused', () => {
  for (const options of [{}, { pattern: 'a' }, { pattern: '(a)\\1', with: 'b' }])
    assert.throws(
      () => rewritePath.create(rewritePath.options.parse(options), createTestHost()),
      JSON.stringify(options),
    );
});
