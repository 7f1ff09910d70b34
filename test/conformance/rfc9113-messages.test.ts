// RFC 9113 8 and 10.3: what becomes of HTTP/2 messages on their way to an HTTP/1.1 endpoint, and of its responses on their way back.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { type FrameSender, requestFields } from '../support/frame-sender.ts';
import type { FieldPair } from '../support/hpack.ts';
import { connectHttp2To, type Http2Response, type RawHttp2Client } from '../support/http2-client.ts';
import { FLAG, FRAME } from '../support/http2-frames.ts';
import { ok, type ReceivedRequest } from '../support/origin.ts';
import { shareGateway } from '../support/shared.ts';

const shared = shareGateway();
const clients: RawHttp2Client[] = [];
after(() => clients.forEach((client) => void client.socket.destroy()));

async function connect(): Promise<RawHttp2Client> {
  const client = await connectHttp2To(shared.gateway.port());
  clients.push(client);
  await client.open();
  return client;
}

interface Relayed {
  readonly response: Http2Response;
  readonly received: ReceivedRequest;
}

/** Sends on stream 1 of a new connection, and returns what came back and what the origin got. */
async function relay(send: (client: FrameSender<unknown>) => unknown): Promise<Relayed> {
  const before = shared.origin.requests.length;
  const client = await connect();
  send(client);
  const response = await client.response(1);
  const received = shared.origin.requests[before];
  assert.ok(received, `nothing was forwarded; the answer is ${response.status} ${response.body}`);
  assert.equal(shared.origin.requests.length, before + 1);
  return { response, received };
}

/** Has the origin answer the next request with these bytes, whatever it is. */
async function answered(bytes: string, fields: readonly FieldPair[] = []): Promise<Http2Response> {
  shared.answer = () => bytes;
  const client = await connect();
  void client.request(1, '/', { fields });
  return await client.response(1).finally(() => {
    shared.answer = undefined;
  });
}

/** The fields that the gateway itself adds, left out. */
const OWN = new Set([
  'via',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-request-id',
  'date',
  'server',
]);
const sent = (fields: readonly (readonly [string, string])[]) =>
  fields.filter(([name]) => !OWN.has(name.toLowerCase()));

// Requests.

test('RFC 9113 8.3.1: method, path and authority become request line and Host', async () => {
  const { received } = await relay((client) => client.request(1, '/a/b?c=d&e', { fields: [[':method', 'DELETE']] }));
  assert.equal(received.start, 'DELETE /a/b?c=d&e HTTP/1.1');
  assert.deepEqual(sent(received.fields), [['host', 'example.com']]);
  assert.equal(received.body, '');
});

test('RFC 9113 8.3.1: a request may name its host by Host instead of :authority', async () => {
  const fields = requestFields([['host', 'b.example:81']]).filter(([name]) => name !== ':authority');
  const { received } = await relay((client) => client.headers(1, fields, FLAG.endStream));
  assert.deepEqual(sent(received.fields), [['host', 'b.example:81']]);
});

for (const [authority, host] of [
  ['example.com', 'example.com'],
  ['Example.COM', 'example.com'],
  ['example.com', 'example.com:80'],
  ['example.com:80', 'example.com'],
  ['example.com:', 'example.com'],
  ['[::1]:80', '[::1]'],
] as const) {
  test(`RFC 9113 8.3.1: :authority of ${authority} and host of ${host} name the same, and the former is forwarded`, async () => {
    const fields = requestFields([[':authority', authority]], [['host', host]]);
    const { received } = await relay((client) => client.headers(1, fields, FLAG.endStream));
    assert.deepEqual(sent(received.fields), [['host', authority]]);
  });
}

test('RFC 9110 9.3.7: OPTIONS with a path of * is about the gateway itself, as with HTTP/1.1', async () => {
  const client = await connect();
  void client.request(1, '*', { fields: [[':method', 'OPTIONS']] });
  assert.equal((await client.response(1)).status, 204);
});

test('RFC 9113 8.2.3: cookies are joined', async () => {
  const fields: FieldPair[] = [
    ['cookie', 'a=b'],
    ['x-field', '1'],
    ['cookie', 'c=d; e=f'],
    ['cookie', 'g'],
  ];
  const { received } = await relay((client) => client.request(1, '/', { fields }));
  assert.deepEqual(
    received.fields.filter(([name]) => name === 'cookie'),
    [['cookie', 'a=b; c=d; e=f; g']],
  );
});

test('RFC 9113 8.2.2: te of trailers is forwarded as the field of one connection that it is', async () => {
  const { received } = await relay((client) => client.request(1, '/', { fields: [['te', 'trailers']] }));
  assert.equal(received.field('te'), 'trailers');
  assert.equal(received.field('connection'), 'te');
});

test('RFC 9113 8.2.1: values of visible characters, obs-text, spaces and tabs inside, or nothing, are forwarded as they are', async () => {
  const fields: FieldPair[] = [
    ['x-visible', String.fromCharCode(...Array.from({ length: 94 }, (_, i) => 33 + i))],
    ['x-obs', '\x80\xff'],
    ['x-space', 'a \t b'],
    ['x-empty', ''],
    ["!#$%&'*+-.^`|~0", 'a name of every sort'],
  ];
  const { received } = await relay((client) => client.request(1, '/', { fields }));
  assert.deepEqual(sent(received.fields), [...fields, ['host', 'example.com']].toSorted(byHostFirst));
});

/** The order in which the gateway writes them. */
function byHostFirst([a]: readonly string[], [b]: readonly string[]): number {
  return Number(b === 'host') - Number(a === 'host');
}

test('RFC 9113 8.1.1: content with a length is forwarded with it', async () => {
  const { received } = await relay((client) =>
    client.request(1, '/', { fields: [['content-length', '7']], body: 'content' }),
  );
  assert.equal(received.field('content-length'), '7');
  assert.equal(received.field('transfer-encoding'), undefined);
  assert.equal(received.body, 'content');
});

test('content without a length is forwarded in chunks', async () => {
  const { received } = await relay((client) => client.request(1, '/', { body: 'content' }));
  assert.equal(received.field('content-length'), undefined);
  assert.equal(received.field('transfer-encoding'), 'chunked');
  assert.equal(received.body, 'content');
});

for (const method of ['POST', 'PUT', 'PATCH']) {
  test(`RFC 9110 8.6: ${method} without content says so`, async () => {
    const { received } = await relay((client) => client.request(1, '/', { fields: [[':method', method]] }));
    assert.equal(received.field('content-length'), '0');
    assert.equal(received.field('transfer-encoding'), undefined);
  });
}

test('RFC 9113 8.1: content that ends with empty DATA, and content-length of 0, are none', async () => {
  const { received } = await relay((client) => client.request(1, '/', { fields: [['content-length', '0']], body: '' }));
  assert.equal(received.field('content-length'), '0');
  assert.equal(received.body, '');
});

test('RFC 9113 8.1: trailers are forwarded', async () => {
  const { received } = await relay((client) => {
    client.headers(1, requestFields([[':method', 'POST']], [['te', 'trailers']]));
    client.data(1, 'content');
    client.headers(1, [['x-checksum', '42']], FLAG.endStream);
  });
  assert.equal(received.body, 'content');
  assert.deepEqual(received.trailers, [['x-checksum', '42']]);
});

test('RFC 9113 8.1: trailers may come without content, and be empty', async () => {
  const { received } = await relay((client) => {
    client.headers(1, requestFields([[':method', 'POST']]));
    client.frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 1);
  });
  assert.equal(received.body, '');
  assert.deepEqual(received.trailers, []);
});

test('RFC 9113 8.1.1: content-length counts content, not padding, and trailers may follow', async () => {
  const { received } = await relay((client) => {
    client.headers(1, requestFields([[':method', 'POST']], [['content-length', '6']]));
    client.frame(FRAME.data, FLAG.padded, 1, '\x02abc\0\0');
    client.frame(FRAME.data, FLAG.padded, 1, '\x00def');
    client.headers(1, [['x-checksum', '42']], FLAG.endStream);
  });
  assert.equal(received.body, 'abcdef');
});

test('RFC 9110 6.5.1: trailers that would route or authenticate are not forwarded', async () => {
  const { received } = await relay((client) => {
    client.headers(1, requestFields([[':method', 'POST']]));
    client.data(1, 'content');
    const trailers: FieldPair[] = [
      ['host', 'evil.example'],
      ['content-length', '3'],
      ['authorization', 'Basic eDp5'],
      ['cookie', 'a=b'],
      ['te', 'trailers'],
      ['x-forwarded-for', '1.2.3.4'],
      ['x-fine', '1'],
    ];
    client.headers(1, trailers, FLAG.endStream);
  });
  assert.deepEqual(received.trailers, [['x-fine', '1']]);
});

for (const [clause, what, status, fields] of [
  [
    'RFC 9110 9.3.6',
    'CONNECT',
    405,
    [
      [':method', 'CONNECT'],
      [':authority', 'example.com:443'],
    ],
  ],
  ['RFC 9110 9.3.8', 'TRACE', 405, requestFields([[':method', 'TRACE']])],
  ['RFC 9113 8.3.1', ':authority with user information', 400, requestFields([[':authority', 'user@example.com']])],
  ['RFC 9113 8.3.1', ':authority with a path', 400, requestFields([[':authority', 'example.com/evil']])],
  ['RFC 9113 8.3.1', ':authority with a port too large', 400, requestFields([[':authority', 'example.com:65536']])],
  ['RFC 9113 8.3.1', ':authority of two hosts', 400, requestFields([[':authority', 'a.example,b.example']])],
  ['RFC 9113 8.3.1', ':authority with a space', 400, requestFields([[':authority', 'a b']])],
  ['RFC 3986 2.1', 'a path with a broken encoding', 400, requestFields([[':path', '/%zz']])],
  ['RFC 3986 2.1', 'a path with %00', 400, requestFields([[':path', '/%00']])],
  ['RFC 9110 10.1.1', 'an expectation that nobody knows', 417, requestFields([['expect', 'the unexpected']])],
  ['RFC 9113 10.5.1', 'too many fields', 431, requestFields(Array.from({ length: 101 }, (_, i) => [`x-${i}`, '']))],
  ['RFC 9113 10.5.1', 'a section that is too large', 431, requestFields([['x-large', 'x'.repeat(16_300)]])],
  ['RFC 9110 15.5.15', 'a path that is too long', 414, requestFields([[':path', `/${'x'.repeat(8192)}`]])],
  [
    'RFC 8441 4',
    'extended CONNECT for what nobody knows',
    501,
    requestFields([
      [':method', 'CONNECT'],
      [':protocol', 'x'],
    ]),
  ],
] satisfies [string, string, number, readonly FieldPair[]][]) {
  test(`${clause}: ${what} is answered ${status}, and nothing is forwarded`, async () => {
    const before = shared.origin.requests.length;
    const client = await connect();
    void client.headers(1, fields, FLAG.endStream);
    assert.equal((await client.response(1)).status, status);
    void client.request(3, '/next');
    assert.equal((await client.response(3)).status, 200);
    assert.equal(shared.origin.requests.length, before + 1);
  });
}

test('RFC 9113 10.5.1: a section of many frames that is too large is answered 431, and the table stays in step', async () => {
  const client = await connect();
  void client.headers(
    1,
    requestFields([
      ['x-large', 'x'.repeat(40_000)],
      ['x-more', 'x'.repeat(10_000)],
    ]),
    FLAG.endStream,
  );
  assert.equal((await client.response(1)).status, 431);
  void client.request(3, '/');
  assert.equal((await client.response(3)).status, 200);
});

// Responses.

test('RFC 9113 8.2: names of fields are in lower case, and come in their order, each line by itself', async () => {
  const response = await answered(
    ok('x', 'X-Upper: A\r\nSet-Cookie: a=b\r\nset-cookie: c=d\r\nX-Obs: \xff\r\nX-Empty:\r\n'),
  );
  assert.deepEqual(sent(response.fields), [
    [':status', '200'],
    ['x-upper', 'A'],
    ['set-cookie', 'a=b'],
    ['set-cookie', 'c=d'],
    ['x-obs', '\xff'],
    ['x-empty', ''],
    ['content-length', '1'],
  ]);
});

test('RFC 9113 8.2.2: fields of one connection are removed, and those that Connection names', async () => {
  const response = await answered(
    'HTTP/1.1 200 OK\r\nConnection: keep-alive, x-hop\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\nProxy-Connection: a\r\n' +
      'Upgrade: h2c\r\nTransfer-Encoding: chunked\r\nX-Kept: 1\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
  );
  assert.deepEqual(sent(response.fields), [
    [':status', '200'],
    ['x-kept', '1'],
  ]);
  assert.equal(response.body.toString(), 'abc');
});

test('RFC 9113 8.1: chunks become DATA, and trailers a last HEADERS', async () => {
  const response = await answered(
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Checksum: 42\r\n\r\n',
    [['te', 'trailers']],
  );
  assert.equal(response.body.toString(), 'abcde');
  assert.deepEqual(response.trailers, [['x-checksum', '42']]);
});

test('content until the end of the connection ends the stream', async () => {
  shared.answer = (_request, { socket }) => void socket.end('HTTP/1.0 200 OK\r\n\r\nuntil the end');
  const client = await connect();
  void client.request(1, '/');
  assert.equal((await client.response(1)).body.toString(), 'until the end');
  shared.answer = undefined;
});

for (const [clause, what, head, fields, length] of [
  ['RFC 9113 8.1.1', 'a response to HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 10', [[':method', 'HEAD']], '10'],
  ['RFC 9113 8.1.1', '304', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 10', [], '10'],
  ['RFC 9110 15.3.5', '204', 'HTTP/1.1 204 No Content', [], undefined],
  ['RFC 9113 8.1', 'an empty response', 'HTTP/1.1 200 OK\r\nContent-Length: 0', [], '0'],
] satisfies [string, string, string, FieldPair[], string | undefined][]) {
  test(`${clause}: ${what} ends with its HEADERS`, async () => {
    shared.answer = () => `${head}\r\n\r\n`;
    const client = await connect();
    void client.request(1, '/', { fields });
    const frame = await client.next(({ type }) => type === FRAME.headers);
    assert.equal(frame.flags, FLAG.endHeaders | FLAG.endStream);
    assert.equal(frame.fields?.find(([name]) => name === 'content-length')?.[1], length);
    void client.ping();
    await client.next(({ type }) => type === FRAME.ping);
    assert.equal(
      client.frames.find(({ streamId }) => streamId === 1),
      undefined,
    );
    shared.answer = undefined;
  });
}

test('RFC 9113 8.1: interim responses are HEADERS without END_STREAM before the final one', async () => {
  const response = await answered(
    `HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n${ok()}`,
  );
  assert.deepEqual(response.interim, [102, 103]);
  assert.equal(response.status, 200);
});

test('RFC 9113 8.6: a switch of protocols that nobody asked for is not passed on', async () => {
  const response = await answered('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n');
  assert.equal(response.status, 502);
});

test('RFC 9110 10.1.1: a client that expects 100 Continue gets it from the endpoint', async () => {
  shared.answer = ({ body }) => ok(body);
  shared.origin.onHead = (head, { socket }) => {
    if (/\r\nexpect: 100-continue\r\n/.test(head)) socket.write('HTTP/1.1 100 Continue\r\n\r\n');
  };
  const client = await connect();
  void client.headers(1, requestFields([[':method', 'POST']], [['expect', '100-continue']]));
  const interim = await client.next(({ type }) => type === FRAME.headers);
  assert.equal(interim.fields?.[0]?.[1], '100');
  assert.equal(interim.flags & FLAG.endStream, 0);
  void client.data(1, 'content', FLAG.endStream);
  assert.equal((await client.response(1)).body.toString(), 'content');
  shared.origin.onHead = undefined;
  shared.answer = undefined;
});

test('RFC 9113 8.1: a whole response before the end of the request asks for the rest not to be sent, without error', async () => {
  shared.origin.onHead = (_head, { socket }) => void socket.write(ok('early'));
  const client = await connect();
  void client.headers(1, requestFields([[':method', 'POST']]));
  assert.equal((await client.response(1)).body.toString(), 'early');
  assert.equal(await client.reset(1), 'NO_ERROR');
  void client.data(1, 'under way', FLAG.endStream);
  shared.origin.onHead = undefined;
  void client.request(3, '/');
  assert.equal((await client.response(3)).status, 200);
});

for (const [what, bytes] of [
  ['less content than announced', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'],
  ['a chunk that is cut off', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc'],
  ['no last chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n'],
] as const) {
  test(`RFC 9113 8.1.1: a response with ${what} ends with a reset, and not with END_STREAM`, async () => {
    shared.answer = (_request, { socket }) => void socket.end(bytes);
    const client = await connect();
    void client.request(1, '/');
    assert.equal(await client.reset(1), 'INTERNAL_ERROR');
    assert.ok(client.frames.every(({ flags, streamId }) => streamId !== 1 || (flags & FLAG.endStream) === 0));
    shared.answer = undefined;
    void client.request(3, '/');
    assert.equal((await client.response(3)).status, 200);
  });
}

test('a client that resets its stream ends what is under way for it, and nothing else', async () => {
  const { promise: gone, resolve } = Promise.withResolvers<void>();
  shared.answer = ({ target }, { socket }) => {
    if (target !== '/hold') return ok();
    socket.on('end', () => resolve());
    return undefined;
  };
  const client = await connect();
  const before = shared.origin.requests.length;
  void client.request(1, '/hold');
  await shared.origin.untilRequested(before + 1);
  void client.rst(1);
  await gone;
  void client.request(3, '/');
  assert.equal((await client.response(3)).status, 200);
  shared.answer = undefined;
});

test('RFC 9113 5.1.2: as many requests as announced run at once, one more is refused', async () => {
  shared.answer = ({ target }) => (target === '/hold' ? undefined : ok());
  const client = await connect();
  for (let id = 1; id < 2 * 100; id += 2) void client.request(id, '/hold');
  void client.request(201, '/');
  assert.equal(await client.reset(201), 'REFUSED_STREAM');
  void client.rst(1);
  void client.request(203, '/');
  assert.equal((await client.response(203)).status, 200);
  shared.answer = undefined;
});
