// gRPC-Web through the gateway, from clients of HTTP/1.1 and HTTP/2 to an endpoint that speaks gRPC.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import { type TestContext, test } from 'node:test';
import { Metadata } from '@grpc/grpc-js';
import { startTidegate } from '../support/gateway.ts';
import { ANSWER_HEAD, answerBytes, callBytes, chunk, headOnly, message, trailers } from '../support/grpc-bytes.ts';
import { ECHO, grpcTo, startGrpcServer } from '../support/grpc-peers.ts';
import { type OnRequest, startOrigin } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';

const PAGE = 'https://app.example.com';

const base64 = (text: string): string => Buffer.from(text, 'latin1').toString('base64');

/** The message that ends the content. */
function lastMessage(lines: string): string {
  return `\x80\0\0\0${String.fromCharCode(lines.length)}${lines}`;
}

async function start(t: TestContext, answer: OnRequest) {
  const origin = await startOrigin(t, answer);
  const gateway = await startTidegate(
    t,
    `
policies: [{ type: grpc-web, origins: ['${PAGE}'] }]
routes: [{ name: all, match: { path: /test.Echo/* }, upstream: app }]
upstreams:
  app: { endpoints: ['${origin.address}'], timeouts: { stream-idle: 500ms } }
`,
  );
  return { origin, gateway, client: await connectRaw(t, gateway.port()) };
}

/** The bytes of a call of a browser: it says nothing of trailers. */
function webCall(options: Parameters<typeof callBytes>[0]): string {
  return callBytes(options).replace('TE: trailers\r\nConnection: te\r\n', '');
}

test('a call in bytes reaches the endpoint as gRPC, and its trailers come back as the last message', async (t) => {
  const { origin, gateway, client } = await start(t, () => answerBytes('hello', 5));
  const response = await client.request(webCall({ type: 'application/grpc-web+proto' }));
  assert.equal(origin.last.field('content-type'), 'application/grpc+proto');
  assert.equal(origin.last.field('te'), 'trailers');
  assert.equal(origin.last.body, message('hi'));
  assert.equal(response.field('content-type'), 'application/grpc-web');
  assert.equal(response.body, message('hello') + lastMessage('grpc-status: 5\r\n'));
  assert.deepEqual(response.trailers, []);
  const [record] = await gateway.untilRecords(1);
  assert.equal(record?.grpc_status, 'NOT_FOUND');
});

test('a call in text is decoded and encoded as it comes', async (t) => {
  const { origin, client } = await start(t, () => `${ANSWER_HEAD}${chunk(message('one'))}`);
  const head = webCall({ type: 'application/grpc-web-text' }).split('Content-Length')[0];
  const parts = [base64('\0\0\0'), base64('\0\x02h'), base64('i')].map(chunk).join('');
  await client.send(`${head}Transfer-Encoding: chunked\r\n\r\n${parts}0\r\n\r\n`);
  await client.reader.head();
  const first = chunk(base64(message('one')));
  assert.equal(await client.reader.bytes(first.length), first);
  origin.connections[0]?.socket.write(`${chunk(message('two'))}${trailers(0)}`);
  const rest = await client.reader.until('0\r\n\r\n');
  const last = base64(lastMessage('grpc-status: 0\r\n'));
  assert.equal(rest, `${chunk(base64(message('two')))}${chunk(last)}0\r\n\r\n`);
  assert.equal(origin.last.body, message('hi'));
});

test('an HTTP/2 client is served alike', async (t) => {
  const { gateway } = await start(t, () => answerBytes());
  const session = http2.connect(`http://127.0.0.1:${gateway.port()}`);
  t.after(() => session.destroy());
  const stream = session.request({
    ':method': 'POST',
    ':path': '/test.Echo/Say',
    'content-type': 'application/grpc-web',
  });
  let content = '';
  stream.on('data', (bytes: Buffer) => {
    content += bytes.toString('latin1');
  });
  let hasTrailers = false;
  stream.on('trailers', () => {
    hasTrailers = true;
  });
  stream.end(Buffer.from(message('hi')));
  await once(stream, 'close');
  assert.equal(content, message('hello') + lastMessage('grpc-status: 0\r\n'));
  assert.equal(hasTrailers, false);
});

test('a real server of gRPC is reached, with metadata of both sides', async (t) => {
  const server = await startGrpcServer(t, {
    spread(call) {
      const end = new Metadata();
      end.set('x-blob-bin', Buffer.from([1, 2, 255]));
      for (const value of call.metadata.get('x-asked')) call.write(`${call.request} ${value}`);
      call.end(end);
    },
  });
  const gateway = await startTidegate(t, `policies: [{ type: grpc-web }]\n${grpcTo([server])}`);
  const response = await fetch(`http://127.0.0.1:${gateway.port()}${ECHO.spread.path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/grpc-web-text', 'x-asked': 'this' },
    body: base64(message('hi')),
  });
  assert.equal(response.headers.get('content-type'), 'application/grpc-web-text+proto');
  const parts = (await response.text()).match(/[^=]+=*/g) ?? [];
  const content = parts.map((part) => Buffer.from(part, 'base64').toString('latin1')).join('');
  const [first, last] = [message('hi this'), content.slice(message('hi this').length)];
  assert.ok(content.startsWith(first), content);
  assert.match(last, /^\x80\0\0\0.(?:[a-z-]+: .*\r\n)+$/);
  assert.match(last, /grpc-status: 0\r\n/);
  assert.match(last, /x-blob-bin: AQL\/\r\n/);
});

test('a call that ends with a head has its status there', async (t) => {
  const { client } = await start(t, () => headOnly(7));
  const response = await client.request(webCall({ type: 'application/grpc-web' }));
  assert.deepEqual([response.field('grpc-status'), response.body], ['7', '']);
});

for (const [what, fields, status] of [
  ['an endpoint that falls silent', '', 14],
  ['a deadline that passes', 'grpc-timeout: 300m\r\n', 4],
] as const) {
  test(`${what} within a stream leaves its status in the last message`, async (t) => {
    const { client } = await start(t, () => `${ANSWER_HEAD}${chunk(message('one'))}`);
    const response = await client.request(webCall({ type: 'application/grpc-web', fields }));
    const begin = `${message('one')}\x80\0\0\0`;
    assert.ok(response.body.startsWith(begin), response.body);
    assert.match(response.body.slice(begin.length + 1), new RegExp(`^grpc-status: ${status}\r\ngrpc-message: .+\r\n$`));
  });
}

test('an endpoint that falls silent within a message leaves a response that is not whole, and no status in the place of the rest', async (t) => {
  const half = message('one').slice(0, 6);
  const { client, gateway } = await start(t, () => `${ANSWER_HEAD}${chunk(half)}`);
  await client.send(webCall({ type: 'application/grpc-web' }));
  await client.reader.head();
  assert.equal(await client.reader.rest(), chunk(half));
  const [record] = await gateway.untilRecords(1);
  assert.deepEqual([record?.error, record?.grpc_status], ['http_response_timeout', 'UNAVAILABLE']);
});

test('content that is no base64 is INTERNAL, and nothing of it reaches the endpoint', async (t) => {
  const { origin, gateway, client } = await start(t, () => answerBytes());
  const response = await client.request(webCall({ type: 'application/grpc-web-text', body: 'not base64' }));
  assert.equal(response.field('grpc-status'), '13');
  assert.equal(origin.connections.length, 0);
  const [record] = await gateway.untilRecords(1);
  assert.deepEqual([record?.error, record?.policy], ['http_request_error', 'grpc-web']);
});

test('a page of another origin can read what refuses its call ahead of the policy', async (t) => {
  const origin = await startOrigin(t);
  const gateway = await startTidegate(
    t,
    `
routes:
  - name: all
    policies: [{ type: access-list, allow: [192.0.2.1] }, { type: grpc-web, origins: ['https://*.example.com'] }]
    upstream: app
upstreams: { app: { endpoints: ['${origin.address}'] } }
`,
  );
  const client = await connectRaw(t, gateway.port());
  for (const [page, told] of [
    [PAGE, PAGE],
    ['https://example.org', undefined],
  ]) {
    const refused = await client.request(webCall({ type: 'application/grpc-web', fields: `Origin: ${page}\r\n` }));
    assert.equal(refused.field('grpc-status'), '7');
    assert.equal(refused.field('content-type'), 'application/grpc-web');
    assert.equal(refused.field('access-control-allow-origin'), told);
  }
});

test('a page of another origin may call, and read what comes of it, errors of the gateway included', async (t) => {
  const { client, origin } = await start(t, ({ target }) => (target.endsWith('Say') ? answerBytes() : undefined));
  const preflight = await client.request(
    `OPTIONS /test.Echo/Say HTTP/1.1\r\nHost: a\r\nOrigin: ${PAGE}\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type,x-grpc-web\r\n\r\n`,
  );
  assert.equal(preflight.status, 204);
  assert.equal(preflight.field('access-control-allow-headers'), 'content-type, x-grpc-web');
  assert.equal(origin.connections.length, 0);
  const type = 'application/grpc-web';
  const called = await client.request(webCall({ type, fields: `Origin: ${PAGE}\r\n` }));
  assert.equal(called.field('access-control-allow-origin'), PAGE);
  assert.match(called.field('access-control-expose-headers') ?? '', /content-type/);
  const late = await client.request(
    webCall({ type, path: '/test.Echo/Wait', fields: `Origin: ${PAGE}\r\ngrpc-timeout: 50m\r\n` }),
  );
  assert.equal(late.field('grpc-status'), '4');
  assert.equal(late.field('access-control-allow-origin'), PAGE);
  assert.equal(late.field('access-control-expose-headers'), 'grpc-status, grpc-message');
});
