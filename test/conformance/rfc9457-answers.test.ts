// RFC 9457, RFC 9209, RFC 9110 15: the gateway's own answers to what it refuses or cannot do.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closedPort } from '../support/ports.ts';
import { shareGateway } from '../support/shared.ts';

const deadPort = await closedPort();
const shared = shareGateway(
  (origin) => `
routes:
  - { name: only-get, match: { path: /get, methods: [GET] }, upstream: app }
  - { name: dead, match: { path: /dead }, upstream: dead }
  - { name: drained, match: { path: /drained }, upstream: drained }
  - { name: small, match: { path: /small }, policies: [{ type: max-body, size: 10B }], upstream: app }
  - { name: slow, match: { path: /slow }, upstream: slow }
  - { name: here, match: { path: /here/*, hosts: [here.example] }, upstream: app }
upstreams:
  app: { endpoints: ['${origin.address}'] }
  slow: { endpoints: ['${origin.address}'], timeouts: { first-byte: 200ms } }
  dead: { endpoints: ['127.0.0.1:${deadPort}'] }
  drained: { endpoints: [{ address: '${origin.address}', weight: 0 }] }
`,
);
const { send } = shared;

const get = (path: string, fields = '', host = 'a') => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${fields}\r\n`;

test('RFC 9457 3: an answer is problem+json with status and title by default', async () => {
  const response = await send(get('/nowhere'));
  assert.equal(response.status, 404);
  assert.equal(response.field('content-type'), 'application/problem+json');
  const problem = JSON.parse(response.body) as Record<string, unknown>;
  assert.equal(problem.status, 404);
  assert.equal(problem.title, 'Not Found');
  assert.equal(typeof problem.detail, 'string');
});

test('RFC 9110 12.5.1: a browser gets HTML', async () => {
  const response = await send(get('/nowhere', 'Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n'));
  assert.match(response.field('content-type') ?? '', /^text\/html/);
  assert.match(response.body, /<h1>404 Not Found<\/h1>/);
});

for (const [what, bytes, status, error] of [
  ['an unknown path', get('/nowhere'), 404, undefined],
  ['an unknown host', get('/here/x', '', 'elsewhere.example'), 404, undefined],
  ['a refused connection', get('/dead'), 502, 'connection_refused'],
  ['no usable endpoint', get('/drained'), 503, 'destination_unavailable'],
  ['an origin that does not answer', get('/slow'), 504, 'connection_read_timeout'],
  ['content over a limit', 'POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world', 413, undefined],
  ['a malformed head', 'GET / HTTP/1.1\r\nHost: a\r\nX A: 1\r\n\r\n', 400, 'http_request_error'],
] as const) {
  test(`RFC 9209 2: ${what} is answered ${status} with Proxy-Status`, async () => {
    shared.answer = () => undefined;
    const response = await send(bytes);
    shared.answer = undefined;
    assert.equal(response.status, status);
    const found = response.field('proxy-status') ?? '';
    assert.match(found, /^tidegate; /);
    if (error) assert.match(found, new RegExp(`; error=${error}(?:;|$)`));
    assert.equal(response.field('cache-control'), 'no-store');
  });
}

test('RFC 9110 15.6.4: 503 says when to try again', async () => {
  assert.match((await send(get('/drained'))).field('retry-after') ?? '', /^\d+$/);
});

test('RFC 9110 15.5.6: 405 names the methods that are allowed', async () => {
  const response = await send('DELETE /get HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.equal(response.status, 405);
  assert.equal(response.field('allow'), 'GET, HEAD');
});

test('RFC 9110 9.3.2: an answer to HEAD has no content', async () => {
  const client = await shared.connect();
  const response = await client.request('HEAD /nowhere HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.equal(response.status, 404);
  assert.ok(Number(response.field('content-length')) > 0);
  assert.equal((await client.request(get('/get'))).status, 200);
});

test('an answer says nothing of the inside', async () => {
  const response = await send(get('/dead'));
  assert.equal(response.body.includes(String(deadPort)) || response.head.includes(String(deadPort)), false);
});

test('a refused request leaves an access record with its reason, and the connection stays when it may', async () => {
  const before = shared.gateway.output.length;
  const client = await shared.connect();
  assert.equal((await client.request(get('/nowhere'))).status, 404);
  assert.equal((await client.request(get('/get'))).status, 200);
  const records = await shared.gateway.until(() => {
    const fresh = shared.gateway.records.slice(before).filter(({ path }) => path === '/nowhere');
    return fresh.length > 0 ? fresh : undefined;
  });
  assert.equal(records[0]?.error, 'no-route');
  assert.equal(records[0]?.ended_by, 'client');
});
