// PROTOCOL-HTTP2 and PROTOCOL-WEB of gRPC: the gateway's own answers to calls that it refuses or cannot carry out.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closedPort } from '../support/ports.ts';
import { shareGateway } from '../support/shared.ts';

const deadPort = await closedPort();
const shared = shareGateway(
  (origin) => `
routes:
  - { name: dead, match: { path: /dead/* }, upstream: dead }
  - { name: drained, match: { path: /drained/* }, upstream: drained }
  - { name: small, match: { path: /small/* }, policies: [{ type: max-body, size: 10B }], upstream: app }
  - { name: slow, match: { path: /slow/* }, upstream: slow }
  - { name: kept, match: { path: /kept/* }, policies: [{ type: basic-auth, users: [{ name: a, password: b }] }], upstream: app }
  - { name: denied, match: { path: /denied/* }, policies: [{ type: access-list, allow: [192.0.2.1] }], upstream: app }
  - { name: rare, match: { path: /rare/* }, policies: [{ type: rate-limit, key: client-address, rate: 1/h, burst: 1 }], upstream: app }
  - { name: get, match: { path: /get/*, methods: [GET] }, upstream: app }
  - { name: app, match: { path: /app/* }, upstream: app }
upstreams:
  app: { endpoints: ['${origin.address}'] }
  slow: { endpoints: ['${origin.address}'], timeouts: { first-byte: 200ms } }
  dead: { endpoints: ['127.0.0.1:${deadPort}'] }
  drained: { endpoints: [{ address: '${origin.address}', weight: 0 }] }
`,
);

/** Bytes of a call. */
function call(path: string, { type = 'application/grpc+proto', fields = '', body = '\0\0\0\0\0' } = {}): string {
  return `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: ${type}\r\nTE: trailers\r\nConnection: te\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`;
}

test('an answer has the status 200, the type of the call, and the status of gRPC in its head', async () => {
  const response = await shared.send(call('/nowhere'));
  assert.equal(response.status, 200);
  assert.equal(response.field('content-type'), 'application/grpc+proto');
  assert.equal(response.field('grpc-status'), '12');
  assert.equal(response.field('grpc-message'), 'No route matches the request.');
  assert.equal(response.body, '');
});

for (const [what, bytes, status, error] of [
  ['an unknown path', call('/nowhere'), 12, 'no-route'],
  ['a method that the route does not have', call('/get/x'), 12, 'method-not-allowed'],
  ['a refused connection', call('/dead/x'), 14, 'connection_refused'],
  ['no usable endpoint', call('/drained/x'), 14, 'destination_unavailable'],
  ['an endpoint that does not answer', call('/slow/x'), 14, 'connection_read_timeout'],
  ['content over a limit', call('/small/x', { body: 'more than ten' }), 8, 'request-body-too-large'],
  ['missing credentials', call('/kept/x'), 16, 'unauthorized'],
  ['an address that may not', call('/denied/x'), 7, 'http_request_denied'],
  ['a deadline that has passed', call('/app/x', { fields: 'grpc-timeout: 0m\r\n' }), 4, 'deadline-exceeded'],
] as const) {
  test(`${what} is status ${status}, and Proxy-Status says why`, async () => {
    shared.answer = () => undefined;
    const response = await shared.send(bytes);
    shared.answer = undefined;
    assert.equal(response.status, 200);
    assert.equal(response.field('grpc-status'), String(status));
    assert.ok(response.field('proxy-status')?.includes(error));
  });
}

test('a head that could not be read is not known to be that of a call', async () => {
  const response = await shared.send(call('/app/x', { fields: `x: ${'y'.repeat(20_000)}\r\n` }));
  assert.equal(response.status, 431);
  assert.equal(response.field('grpc-status'), undefined);
});

test('the record has the status of gRPC, the status that was sent, and the error', async () => {
  await shared.send(call('/dead/record'));
  const record = await shared.gateway.until(() => shared.gateway.records.find(({ path }) => path === '/dead/record'));
  assert.deepEqual(
    [record.grpc_status, record.status, record.error, record.ended_by],
    ['UNAVAILABLE', 200, 'connection_refused', 'origin'],
  );
});

test('the second call of a limit of one is RESOURCE_EXHAUSTED, and is told when to come again', async () => {
  await shared.send(call('/rare/x'));
  const response = await shared.send(call('/rare/x'));
  assert.equal(response.field('grpc-status'), '8');
  assert.ok(Number(response.field('retry-after')) > 0);
});

test('PROTOCOL-WEB: a call of gRPC-Web is answered in its own type, with the status in the head', async () => {
  for (const type of ['application/grpc-web', 'application/grpc-web+proto', 'application/grpc-web-text']) {
    const response = await shared.send(call('/nowhere', { type }));
    assert.equal(response.status, 200);
    assert.equal(response.field('content-type'), type);
    assert.equal(response.field('grpc-status'), '12');
  }
});

test('what is no call gets an answer of HTTP', async () => {
  for (const type of ['application/json', 'application/grpcish', 'text/html']) {
    const response = await shared.send(call('/nowhere', { type }));
    assert.equal(response.status, 404);
    assert.equal(response.field('grpc-status'), undefined);
  }
  const get = await shared.send('GET /nowhere HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc\r\n\r\n');
  assert.equal(get.status, 404);
});
