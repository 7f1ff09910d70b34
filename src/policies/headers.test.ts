// Fields set, added and removed, both ways.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestExchange, createTestHost, createTestResponse, type TestRequest } from '#model/testing.ts';
import { headers } from './headers.ts';

async function run(options: unknown, request: TestRequest = {}) {
  const exchange = createTestExchange(request);
  const handler = headers.create(
    headers.options.parse(options),
    createTestHost(),
  )(() => {
    const response = createTestResponse();
    response.fields.append('server', 'origin/1');
    response.fields.append('x-a', '1');
    return response;
  });
  const response = await handler(exchange);
  return { request: exchange.request.fields, response: response.fields };
}

test('set replaces, add goes beside, remove takes away, in any case', async () => {
  const fields = [
    ['X-One', '1'],
    ['x-one', '2'],
    ['X-Two', '1'],
    ['X-Three', '1'],
  ] as const;
  const { request } = await run(
    { request: { set: { 'X-ONE': 'new' }, add: { 'x-two': '2' }, remove: ['x-THREE'] } },
    { fields },
  );
  assert.deepEqual(request.getAll('x-one'), ['new']);
  assert.deepEqual(request.getAll('x-two'), ['1', '2']);
  assert.equal(request.has('x-three'), false);
});

test('responses are changed on their way back', async () => {
  const { response } = await run({ response: { set: { 'x-a': '2' }, remove: ['server'] } });
  assert.equal(response.get('x-a'), '2');
  assert.equal(response.has('server'), false);
});

test('values may hold variables of the request and of the response', async () => {
  const { request, response } = await run(
    {
      request: { set: { 'x-client': '${client.address}', 'x-of': '${request.header.X-In}/${request.query.q}' } },
      response: { set: { 'x-status': '${response.status} for ${request.method}' } },
    },
    { target: '/?q=a%20b', fields: [['x-in', 'value']] },
  );
  assert.equal(request.get('x-client'), '192.0.2.1');
  assert.equal(request.get('x-of'), 'value/a b');
  assert.equal(response.get('x-status'), '200 for GET');
});

test('what a client sends cannot begin a field of its own through a variable', async () => {
  const { request } = await run(
    { request: { set: { 'x-q': '${request.query.q}' } } },
    { target: '/?q=a%0d%0aX-Evil:%201' },
  );
  assert.equal(request.get('x-q'), 'aX-Evil: 1');
  assert.equal(request.has('x-evil'), false);
});

test('a field that is removed does not stay under a name with underscores', async () => {
  const fields = [
    ['X-User', '1'],
    ['X_User', '2'],
  ] as const;
  const { request } = await run({ request: { remove: ['x-user'] } }, { fields });
  assert.equal(request.text, '');
});

test('framing fields, names that are none and unknown variables are refused with the configuration', () => {
  for (const request of [{ remove: ['Content-Length'] }, { remove: ['a b'] }, { set: { 'x-a': '${no.such}' } }])
    assert.equal(headers.options.safeParse({ request }).success, false, JSON.stringify(request));
  for (const request of [{ set: { Host: 'x' } }, { add: { 'transfer-encoding': 'chunked' } }])
    assert.throws(() => headers.create(headers.options.parse({ request }), createTestHost()), JSON.stringify(request));
});
