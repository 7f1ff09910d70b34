// The same messages between clients and endpoints of both versions of HTTP, in all four directions: what is said arrives, whatever it is
// said in (RFC 9113 8.1 to 8.5, RFC 9110 7.6).
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http, { type IncomingHttpHeaders } from 'node:http';
import http2, { type OutgoingHttpHeaders } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { startTidegate, type TestGateway } from '../support/gateway.ts';
import { ask, connectNode } from '../support/node-http2.ts';

type Lines = Readonly<Record<string, string | readonly string[]>>;

interface Message {
  readonly what: string;
  readonly method?: string;
  readonly path?: string;
  readonly fields?: Lines;
  readonly content?: string;
  /** Whether the length of the content is announced. */
  readonly isSized?: boolean;
  readonly trailers?: Lines;
}

interface Reply {
  readonly what: string;
  readonly status: number;
  readonly fields?: Lines;
  readonly content?: string;
  readonly isSized?: boolean;
  readonly trailers?: Lines;
  readonly hints?: number;
  readonly method?: string;
}

const LARGE = 'large content '.repeat(20_000);

const REQUESTS: readonly Message[] = [
  { what: 'a plain request' },
  { what: 'a query and what stands for other characters', path: '/a%20b/c;d=e?f=g&h=%2F&i=?' },
  { what: 'a method of its own', method: 'PROPFIND', content: '<all/>', isSized: true },
  { what: 'HEAD', method: 'HEAD' },
  { what: 'DELETE without content', method: 'DELETE' },
  { what: 'OPTIONS', method: 'OPTIONS', path: '/options' },
  {
    what: 'a field with no value, and values of other characters',
    fields: { 'x-empty': '', 'x-latin': 'caf\xe9\t;"x"' },
  },
  { what: 'cookies', fields: { cookie: 'a=1; b=2; c=3' } },
  { what: 'credentials', fields: { authorization: 'Basic YTpi' } },
  { what: 'a large field', fields: { 'x-large': 'a'.repeat(12_000) } },
  { what: 'many fields', fields: Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`x-${i}`, `${i}`])) },
  { what: 'content of a known length', method: 'POST', content: 'some content', isSized: true },
  { what: 'content of a length of 0', method: 'POST', content: '', isSized: true },
  { what: 'content of unknown length', method: 'POST', content: 'some content' },
  { what: 'large content', method: 'PUT', content: LARGE, isSized: true },
  { what: 'content with trailers', method: 'PUT', content: 'some content', trailers: { 'x-sum': '12', 'x-more': 'a' } },
  {
    what: 'content that looks like a request',
    method: 'POST',
    content: '0\r\n\r\nGET /other HTTP/1.1\r\nHost: a\r\n\r\n',
  },
];

const REPLIES: readonly Reply[] = [
  { what: 'a status of its own', status: 299 },
  { what: 'cookies', status: 200, fields: { 'set-cookie': ['a=1; Path=/', 'b=2'] }, content: 'a', isSized: true },
  { what: 'content of unknown length', status: 200, content: 'some content' },
  { what: 'large content', status: 200, content: LARGE },
  { what: 'no content', status: 200, content: '', isSized: true },
  { what: 'content of unknown length that is none', status: 200, content: '' },
  { what: '204', status: 204, fields: { 'x-a': '1' } },
  { what: '304 with a length', status: 304, fields: { etag: '"a"', 'content-length': '5' } },
  { what: 'HEAD with a length', status: 200, method: 'HEAD', fields: { 'content-length': '5' } },
  { what: 'content with trailers', status: 200, content: 'some content', trailers: { 'x-sum': '12' } },
  { what: 'early hints', status: 200, content: 'a', isSized: true, hints: 2 },
  { what: 'a redirection', status: 302, fields: { location: '/a?b#c' } },
  { what: 'an error with content', status: 503, content: 'down', fields: { 'retry-after': '7' }, isSized: true },
  {
    what: 'content that looks like a response',
    status: 200,
    content: '0\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n',
  },
];

/** What has been received, on either side. */
interface Got {
  /** Method and target, or the status. */
  readonly start: string;
  readonly fields: Lines;
  readonly content: string;
  readonly trailers: Lines;
  readonly hints: number;
  /** As announced; `undefined` when it was not. */
  readonly length: string | undefined;
}

/** Fields of one hop, and those that the gateway itself adds. */
const OWN =
  /^(?::.*|via|date|x-forwarded-.*|forwarded|host|connection|keep-alive|transfer-encoding|te|trailer|content-length)$/;

function tidy(headers: IncomingHttpHeaders): Lines {
  const entries = Object.entries(headers).filter(([name, value]) => !OWN.test(name) && value !== undefined);
  return Object.fromEntries(entries) as Lines;
}

/** The reply to the next request. */
let reply: Reply = REPLIES[0] as Reply;
let received: Got | undefined;

type Served = http.IncomingMessage | http2.Http2ServerRequest;
/** What those of both versions have in common. */
type Answer = Pick<
  http.ServerResponse,
  'addTrailers' | 'end' | 'flushHeaders' | 'setHeader' | 'statusCode' | 'write' | 'writeEarlyHints'
>;

async function serve(request: Served, response: Answer): Promise<void> {
  let content = '';
  request.setEncoding('latin1');
  for await (const part of request) content += part;
  const { method, url, headers, trailers } = request;
  received = {
    start: `${method} ${url}`,
    fields: tidy(headers),
    content,
    trailers: tidy(trailers),
    hints: 0,
    length: headers['content-length'],
  };
  for (let i = 0; i < (reply.hints ?? 0); i++) response.writeEarlyHints({ link: `</${i}>; rel=preload` });
  response.statusCode = reply.status;
  for (const [name, value] of Object.entries(reply.fields ?? {})) response.setHeader(name, value);
  if (reply.content === undefined) {
    response.end();
    return;
  }
  if (reply.isSized) response.setHeader('content-length', reply.content.length);
  if (reply.trailers) response.setHeader('trailer', Object.keys(reply.trailers));
  response.flushHeaders();
  if (reply.content !== '') response.write(Buffer.from(reply.content, 'latin1'));
  if (reply.trailers) response.addTrailers(reply.trailers as OutgoingHttpHeaders);
  response.end();
}

const cleanups: (() => unknown)[] = [];
let gateway: TestGateway;

before(async () => {
  const servers = [
    http.createServer((request, response) => void serve(request, response)),
    http2.createServer((request, response) => void serve(request, response as unknown as Answer)),
  ];
  const addresses: string[] = [];
  for (const server of servers) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    addresses.push(`127.0.0.1:${(server.address() as AddressInfo).port}`);
    cleanups.push(() => server.close());
  }
  gateway = await startTidegate(
    { after: (cleanup) => cleanups.push(cleanup) },
    `
listeners: { web: { address: '127.0.0.1:0' } }
routes:
  - { name: old, match: { hosts: [old.test] }, upstream: old }
  - { name: new, match: { hosts: [new.test] }, upstream: new }
upstreams:
  old: { endpoints: ['${addresses[0]}'] }
  new: { endpoints: ['${addresses[1]}'], protocol: http2 }
`,
  );
});

after(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

type Ask = (message: Message, host: string) => Promise<Got>;

/** Asks over HTTP/1.1. */
const askOld: Ask = async ({ method = 'GET', path = '/', fields = {}, content, isSized, trailers }, host) => {
  const length = content !== undefined && isSized ? { 'content-length': content.length } : {};
  const announced = trailers ? { trailer: Object.keys(trailers).join(', ') } : {};
  const chunked = content !== undefined && !isSized ? { 'transfer-encoding': 'chunked' } : {};
  const headers = { host, te: 'trailers', connection: 'close, te', ...length, ...announced, ...chunked, ...fields };
  const request = http.request({
    port: gateway.port(),
    host: '127.0.0.1',
    method,
    path,
    headers: headers as OutgoingHttpHeaders,
    agent: false,
  });
  let hints = 0;
  request.on('information', ({ statusCode }) => (hints += statusCode === 103 ? 1 : 0));
  if (content) request.write(Buffer.from(content, 'latin1'));
  if (trailers) request.addTrailers(trailers as Record<string, string>);
  request.end();
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  let body = '';
  response.setEncoding('latin1');
  for await (const part of response) body += part;
  const { statusCode, headers: got, trailers: behind } = response;
  return {
    start: String(statusCode),
    fields: tidy(got),
    content: body,
    trailers: tidy(behind),
    hints,
    length: got['content-length'],
  };
};

/** Asks over HTTP/2. */
const askNew: Ask = async ({ method = 'GET', path = '/', fields = {}, content, isSized, trailers }, host) => {
  const cleanup: (() => unknown)[] = [];
  const session = await connectNode({ after: (done) => cleanup.push(done) }, gateway.port());
  const length = content !== undefined && isSized ? { 'content-length': content.length } : {};
  const head = { ':method': method, ':path': path, ':authority': host, te: 'trailers', ...length, ...fields };
  const bytes = content === undefined ? undefined : Buffer.from(content, 'latin1');
  const answer = await ask(session, head as OutgoingHttpHeaders, bytes, trailers as OutgoingHttpHeaders | undefined);
  for (const done of cleanup) done();
  return {
    start: String(answer.status),
    fields: tidy(answer.headers),
    content: answer.body.toString('latin1'),
    trailers: tidy(answer.trailers),
    hints: answer.informational.filter((got) => got[':status'] === 103).length,
    length: answer.headers['content-length'],
  };
};

for (const [client, send] of [
  ['HTTP/1.1', askOld],
  ['HTTP/2', askNew],
] as const) {
  for (const [endpoint, host] of [
    ['HTTP/1.1', 'old.test'],
    ['HTTP/2', 'new.test'],
  ] as const) {
    for (const message of REQUESTS) {
      test(`${client} to ${endpoint}: ${message.what} arrives as it is`, async () => {
        reply = { what: '', status: 200 };
        received = undefined;
        assert.equal((await send(message, host)).start, '200');
        const { method = 'GET', path = '/', fields = {}, content = '', trailers = {} } = message;
        // What has come as a whole may have a length that nobody has announced.
        const got = received as Got | undefined;
        const length = message.isSized ? String(content.length) : got?.length;
        assert.deepEqual(got, { start: `${method} ${path}`, fields, content, trailers, hints: 0, length });
      });
    }
    for (const answer of REPLIES) {
      test(`${endpoint} to ${client}: ${answer.what} arrives as it is`, async () => {
        reply = answer;
        const {
          method = 'GET',
          content = '',
          fields: { 'content-length': length, ...fields } = {},
          trailers = {},
        } = answer;
        const got = await send({ what: '', method }, host);
        const announced = length ?? (answer.isSized ? String(content.length) : got.length);
        const { hints = 0 } = answer;
        assert.deepEqual(got, { start: `${answer.status}`, fields, content, trailers, hints, length: announced });
      });
    }
  }
}
