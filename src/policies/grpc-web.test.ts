// What becomes of a request of gRPC-Web on its way to a server of gRPC, and of the response on its way back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fields } from '#http/fields.ts';
import type { BodySink, StreamBody } from '#model/body.ts';
import type { Exchange } from '#model/exchange.ts';
import type { Response } from '#model/message.ts';
import type { ProxyError } from '#model/proxy-error.ts';
import { createTestExchange, createTestHost, createTestResponse, type TestRequest } from '#model/testing.ts';
import { grpcWeb } from './grpc-web.ts';

/** Content that comes at once, in these parts. */
function streamOf(parts: readonly string[], trailers?: Fields): StreamBody {
  return {
    type: 'stream',
    started: false,
    pipe(sink) {
      for (const part of parts) sink.chunk(Buffer.from(part, 'latin1'));
      sink.end(trailers);
    },
    resume() {},
    cancel() {},
  };
}

/** All of the content, its trailers, and why it broke off. */
function readAll(body: Response['body']) {
  const parts: string[] = [];
  let trailers: Fields | undefined;
  let error: ProxyError | undefined;
  const sink: BodySink = {
    chunk(bytes) {
      parts.push(Buffer.from(bytes).toString('latin1'));
      return true;
    },
    end(given) {
      trailers = given;
    },
    abort(given) {
      error = given;
    },
  };
  if (body?.type === 'stream') body.pipe(sink);
  else if (body) parts.push(Buffer.from(body.content as string, 'latin1').toString('latin1'));
  return { parts, content: parts.join(''), trailers, error };
}

interface Call extends Omit<TestRequest, 'fields' | 'method'> {
  readonly method?: string;
  readonly type?: string;
  readonly fields?: readonly (readonly [string, string])[];
  readonly stream?: StreamBody;
}

/** Runs a call through the policy, to a server that answers with `response`. */
function run({ type, fields = [], stream, ...request }: Call, response = grpcResponse(), origins: string[] = []) {
  const handler = grpcWeb.create({ origins }, createTestHost());
  const contentType = type === undefined ? [] : [['content-type', type] as const];
  const exchange = createTestExchange({ method: 'POST', ...request, fields: [...contentType, ...fields] });
  if (stream) Object.assign(exchange.request, { body: stream, length: -1 });
  grpcWeb.arrival?.({ origins })(exchange);
  let seen: Exchange | undefined;
  const answer = handler((forwarded) => {
    seen = forwarded;
    return response;
  })(exchange) as Response;
  return { exchange, seen, answer };
}

function grpcResponse(parts: readonly string[] = ['\0\0\0\0\x02hi'], trailers = 'grpc-status: 0\r\n'): Response {
  const fields = Fields.from([['content-type', 'application/grpc+proto']]);
  const body = streamOf(parts, trailers === '' ? undefined : new Fields(trailers));
  return { ...createTestResponse(), fields, body, length: -1 };
}

const message = (content: string) => `\0\0\0\0${String.fromCharCode(content.length)}${content}`;
const frame = (lines: string) => `\x80\0\0\0${String.fromCharCode(lines.length)}${lines}`;
const base64 = (text: string) => Buffer.from(text, 'latin1').toString('base64');

test('a request gets the type of gRPC, asks for trailers and for messages that are not compressed', () => {
  const { seen } = run({ type: 'application/grpc-web+proto', body: 'bytes' });
  assert.equal(seen?.request.fields.get('content-type'), 'application/grpc+proto');
  assert.equal(seen?.request.fields.get('grpc-accept-encoding'), 'identity');
  assert.equal(seen?.request.acceptsTrailers, true);
  assert.deepEqual(seen?.request.body, { type: 'fixed', content: 'bytes' });
});

test('the trailers of a response become the last message of its content', () => {
  const response = grpcResponse([message('one'), message('two')], 'Grpc-Status: 5\r\ngrpc-message: none\r\n');
  const { answer } = run({ type: 'application/grpc-web' }, response);
  assert.equal(answer.fields.get('content-type'), 'application/grpc-web+proto');
  assert.equal(answer.length, -1);
  const { parts, trailers } = readAll(answer.body);
  assert.deepEqual(parts, [message('one'), message('two'), frame('grpc-status: 5\r\ngrpc-message: none\r\n')]);
  assert.equal(trailers, undefined);
});

test('a response that is only a head stays so', () => {
  const response = { ...createTestResponse(200, ''), body: undefined };
  response.fields.set('content-type', 'application/grpc');
  response.fields.set('grpc-status', '7');
  const { answer } = run({ type: 'application/grpc-web' }, response);
  assert.equal(answer.fields.get('content-type'), 'application/grpc-web');
  assert.equal(answer.fields.get('grpc-status'), '7');
  assert.equal(answer.body, undefined);
});

test('a response without any status ends with UNKNOWN', () => {
  const streamed = run({ type: 'application/grpc-web' }, grpcResponse([message('one')], '')).answer;
  assert.equal(readAll(streamed.body).content, `${message('one')}${frame('grpc-status: 2\r\n')}`);
  const fixed = createTestResponse(200, message('two'));
  fixed.fields.set('content-type', 'application/grpc');
  const { answer } = run({ type: 'application/grpc-web' }, fixed);
  assert.equal(readAll(answer.body).content, `${message('two')}${frame('grpc-status: 2\r\n')}`);
  assert.equal(answer.length, 8 + 5 + 16);
});

test('content that ends within a message breaks off, as the last message would be taken for the rest of it', () => {
  for (const cut of ['\0\0', '\0\0\0\0\x03', `${message('one')}\0\0\0\0\x03tw`]) {
    const { answer, exchange } = run({ type: 'application/grpc-web' }, grpcResponse([cut]));
    const { content, error } = readAll(answer.body);
    assert.deepEqual([content, error?.code], [cut, 'http_response_incomplete']);
    assert.equal(exchange.grpc?.status, undefined);
    const fixed = createTestResponse(200, cut);
    fixed.fields.set('content-type', 'application/grpc');
    assert.throws(() => run({ type: 'application/grpc-web' }, fixed), { code: 'http_response_incomplete' });
  }
});

test('text is base64 both ways, padded wherever somebody has flushed', () => {
  const type = 'application/grpc-web-text+proto';
  const { seen, answer } = run({ type, body: `${base64('a')}${base64('bc')}` }, grpcResponse(['\0', '\0\0\0\x01x']));
  assert.equal(readAll(seen?.request.body).content, 'abc');
  assert.equal(seen?.request.length, 3);
  assert.equal(answer.fields.get('content-type'), type);
  assert.deepEqual(readAll(answer.body).parts, ['\0', '\0\0\0\x01x', frame('grpc-status: 0\r\n')].map(base64));
});

test('text that streams is decoded as it comes', () => {
  const { seen } = run({ type: 'application/grpc-web-text', stream: streamOf(['aGVs', 'bG', '8gd', '29ybGQh']) });
  assert.equal(seen?.request.length, -1);
  assert.deepEqual(readAll(seen?.request.body).parts, ['hel', 'lo ', 'world!']);
});

test('text that is not base64, or not whole, is refused', () => {
  const type = 'application/grpc-web-text';
  for (const body of ['not base64', 'aGVsb']) {
    assert.throws(() => run({ type, body }), { code: 'http_request_error' }, body);
    const { seen, exchange } = run({ type, stream: streamOf([body]) });
    assert.equal(readAll(seen?.request.body).error?.code, 'http_request_error', body);
    assert.equal(exchange.answeredBy, 'grpc-web');
  }
});

test('PROTOCOL-WEB: Accept says whether the response is text', () => {
  const type = (sent: string, accept: string) =>
    run({ type: sent, fields: [['accept', accept]] }).answer.fields.get('content-type');
  assert.equal(type('application/grpc-web', 'application/grpc-web-text'), 'application/grpc-web-text+proto');
  assert.equal(type('application/grpc-web-text', 'application/grpc-web'), 'application/grpc-web+proto');
  assert.equal(type('application/grpc-web-text', '*/*'), 'application/grpc-web-text+proto');
});

test('a field that a policy sets or removes in the head does not come back in the last message', () => {
  const { answer } = run({ type: 'application/grpc-web' }, grpcResponse([], 'grpc-status: 0\r\nx-inside: 1\r\n'));
  answer.fields.remove('x-inside');
  assert.equal(readAll(answer.body).content, frame('grpc-status: 0\r\n'));
});

test('what is not gRPC-Web, and what the endpoint answers otherwise than by gRPC, passes as it is', () => {
  for (const type of ['application/grpc', 'application/json', undefined]) {
    const response = grpcResponse();
    const { seen, answer } = run({ ...(type && { type }), body: 'x' }, response);
    assert.equal(seen?.request.fields.get('content-type'), type);
    assert.equal(seen?.request.acceptsTrailers, false);
    assert.equal(answer.fields.get('content-type'), 'application/grpc+proto');
  }
  const html = createTestResponse(502, 'bad');
  html.fields.set('content-type', 'text/html');
  const { answer } = run({ type: 'application/grpc-web-text' }, html);
  assert.equal(answer.fields.get('content-type'), 'text/html');
  assert.equal(readAll(answer.body).content, 'bad');
});

const PAGE = 'https://app.example.com';
const preflight: Call = {
  method: 'OPTIONS',
  fields: [
    ['origin', PAGE],
    ['access-control-request-method', 'POST'],
    ['access-control-request-headers', 'content-type, x-grpc-web,x y'],
  ],
};

test('a preflight of an allowed origin is answered, and carries the fields that it asks for', () => {
  const { seen, answer, exchange } = run(preflight, grpcResponse(), [PAGE]);
  assert.equal(seen, undefined);
  assert.equal(exchange.answeredBy, 'grpc-web');
  assert.equal(answer.status, 204);
  assert.equal(answer.fields.get('access-control-allow-origin'), PAGE);
  assert.equal(answer.fields.get('access-control-allow-credentials'), 'true');
  assert.equal(answer.fields.get('access-control-allow-methods'), 'POST');
  assert.equal(answer.fields.get('access-control-allow-headers'), 'content-type, x-grpc-web');
  assert.equal(answer.fields.get('vary'), 'origin');
});

test('a page below a name, and one of the same host, are allowed where that is said', () => {
  for (const origin of ['https://*.example.com', 'same-host']) {
    const { answer } = run({ ...preflight, host: 'app.example.com' }, grpcResponse(), [origin]);
    assert.equal(answer.fields.get('access-control-allow-origin'), PAGE);
  }
  assert.ok(run(preflight, grpcResponse(), ['https://*.other.example.com']).seen);
});

test('a preflight of any other origin is the endpoint’s to answer', () => {
  for (const origins of [[], ['https://other.example.com'], [`${PAGE}:8443`]])
    assert.ok(run(preflight, grpcResponse(), origins).seen);
});

test('a page of an allowed origin may read all fields of the response, and of an error of the gateway', () => {
  const call: Call = { type: 'application/grpc-web', fields: [['origin', PAGE]] };
  const response = grpcResponse();
  response.fields.set('x-request-id', '1');
  const { answer, exchange } = run(call, response, [PAGE]);
  assert.equal(answer.fields.get('access-control-allow-origin'), PAGE);
  assert.equal(answer.fields.get('access-control-expose-headers'), 'x-request-id, content-type');
  assert.deepEqual(exchange.grpc?.answerFields.at(-1), ['access-control-expose-headers', 'grpc-status, grpc-message']);
});

test('with * every page may call, without its cookies', () => {
  const { answer } = run({ type: 'application/grpc-web', fields: [['origin', PAGE]] }, grpcResponse(), ['*']);
  assert.equal(answer.fields.get('access-control-allow-origin'), '*');
  assert.equal(answer.fields.has('access-control-allow-credentials'), false);
});

test('an origin has a scheme and a host, and no path', () => {
  const isValid = (origin: string) => grpcWeb.options.safeParse({ origins: [origin] }).success;
  for (const origin of ['*', PAGE, 'http://localhost:3000', 'http://[::1]:3000', 'https://*.example.com', 'same-host'])
    assert.ok(isValid(origin), origin);
  for (const origin of ['app.example.com', `${PAGE}/`, 'https://*', 'https://a.*.com', ''])
    assert.ok(!isValid(origin), origin);
});
