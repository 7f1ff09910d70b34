// HTTP/2 to endpoints: what requests, responses and their content look like there, and what keeps its meaning on the way from and to
// HTTP/1.1 (RFC 9113 8.1 to 8.5).
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startTidegate, type TestGateway } from '../support/gateway.ts';
import { FLAG, FRAME, SETTING, uint32 } from '../support/http2-frames.ts';
import { type Http2OriginConnection, type Http2Request, startHttp2Origin } from '../support/http2-origin.ts';
import { connectRaw, exchange, type RawClient } from '../support/raw-client.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n';

/** A gateway before one endpoint that is spoken to by prior knowledge. */
function gatewayTo(t: TestContext, { address }: { readonly address: string }, options = ''): Promise<TestGateway> {
  return startTidegate(
    t,
    `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['${address}'], protocol: http2 ${options} } }
`,
  );
}

/** A gateway before an origin that deals with each request as `serve` does. */
async function setUp(
  t: TestContext,
  serve: (request: Http2Request, connection: Http2OriginConnection) => unknown,
  options?: string,
): Promise<{ readonly gateway: TestGateway; readonly client: RawClient; readonly requests: readonly Http2Request[] }> {
  const requests: Http2Request[] = [];
  const origin = await startHttp2Origin(t, async (connection) => {
    for (;;) {
      const request = await connection.requested();
      requests.push(request);
      void Promise.resolve(serve(request, connection)).catch(() => {});
    }
  });
  const gateway = await gatewayTo(t, origin, options);
  return { gateway, client: await connectRaw(t, gateway.port()), requests };
}

const answer = ({ streamId }: Http2Request, connection: Http2OriginConnection) => connection.answer(streamId);

test('RFC 9113 8.2 and 8.3.1: a request has its pseudo-fields first, names in lower case, nothing of the connection', async (t) => {
  const { client, requests } = await setUp(t, answer);
  const { status, body } = await client.request(
    'GET /a/b?c=d HTTP/1.1\r\nHost: A.test:81\r\nX-Mixed:  Case \r\nConnection: keep-alive, x-hop, te\r\nX-Hop: 1\r\n' +
      'Keep-Alive: timeout=5\r\nTE: trailers\r\nCookie: a=1; b=2\r\n\r\n',
  );
  assert.deepEqual([status, body], [200, 'ok']);
  assert.deepEqual(requests[0]?.fields, [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':authority', 'A.test:81'],
    [':path', '/a/b?c=d'],
    ['x-mixed', 'Case'],
    ['cookie', 'a=1; b=2'],
    ['x-forwarded-for', '127.0.0.1'],
    ['x-forwarded-proto', 'http'],
    ['x-forwarded-host', 'A.test:81'],
    ['via', '1.1 tidegate'],
    ['te', 'trailers'],
  ]);
  assert.equal(requests[0]?.isEnd, true);
});

test('the authority is that of host where it is a name', async (t) => {
  const { client, requests } = await setUp(t, answer, ", host: 'inside.test:8080'");
  await client.request(GET);
  assert.equal(requests[0]?.field(':authority'), 'inside.test:8080');
});

test('RFC 9110 8.6: content of a known length is announced, no content of a method that has it too', async (t) => {
  const { client, requests } = await setUp(t, async (request, connection) => {
    const content = request.isEnd ? '' : (await connection.content(request.streamId)).toString();
    await connection.answer(request.streamId, `got ${content}`);
  });
  const post = (content: string) =>
    client.request(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${content.length}\r\n\r\n${content}`);
  assert.equal((await post('five!')).body, 'got five!');
  assert.equal((await post('')).body, 'got ');
  assert.deepEqual(
    requests.map((request) => [request.field('content-length'), request.isEnd]),
    [
      ['5', false],
      ['0', true],
    ],
  );
});

test('RFC 9113 8.1: chunked content goes without its framing, with its trailers behind it', async (t) => {
  const { client, requests } = await setUp(t, async ({ streamId }, connection) => {
    const parts: string[] = [];
    for (;;) {
      const frame = await connection.next(({ streamId: id, type }) => id === streamId && type <= FRAME.headers);
      if (frame.type === FRAME.headers) {
        await connection.answer(streamId, `${parts.join('')} ${JSON.stringify(frame.fields)}`);
        return;
      }
      parts.push(frame.payload.toString());
    }
  });
  const { body } = await client.request(
    'PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n5\r\n,two!\r\n0\r\nX-Sum: 7\r\nHost: evil\r\n\r\n',
  );
  assert.equal(body, 'one,two! [["x-sum","7"]]');
  assert.equal(requests[0]?.field('transfer-encoding'), undefined);
  assert.equal(requests[0]?.field('content-length'), undefined);
});

test('RFC 9113 8.1: informational responses are passed on, whole responses and trailers behind them', async (t) => {
  const { client } = await setUp(t, async ({ streamId }, connection) => {
    void connection.headers(streamId, [
      [':status', '103'],
      ['link', '</a.css>'],
    ]);
    void connection.headers(streamId, [[':status', '200']]);
    void connection.data(streamId, 'content');
    void connection.headers(streamId, [['x-sum', '9']], FLAG.endStream);
  });
  void client.send('GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: te\r\n\r\n');
  const hints = await client.anyResponse();
  assert.deepEqual([hints.status, hints.field('link')], [103, '</a.css>']);
  const response = await client.anyResponse();
  assert.deepEqual([response.status, response.body], [200, 'content']);
  assert.deepEqual(response.trailers, [['x-sum', '9']]);
});

test('a response whose content has come with its head has a length, as has one without content', async (t) => {
  const { client } = await setUp(t, ({ streamId, field }, connection) =>
    connection.answer(streamId, field(':path') === '/empty' ? '' : 'twelve bytes'),
  );
  assert.equal((await client.request(GET)).field('content-length'), '12');
  const empty = await client.request('GET /empty HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.deepEqual([empty.field('content-length'), empty.body], ['0', '']);
});

for (const [what, method, status, announced, expected] of [
  ['HEAD keeps the length that is announced', 'HEAD', '200', '12', '12'],
  ['HEAD without a length has none', 'HEAD', '200', undefined, undefined],
  ['304 keeps the length that is announced', 'GET', '304', '12', '12'],
  ['204 has no length', 'GET', '204', undefined, undefined],
] as const) {
  test(`RFC 9110 8.6: ${what}`, async (t) => {
    const { client } = await setUp(t, ({ streamId }, connection) =>
      connection.answer(streamId, '', announced === undefined ? [] : [['content-length', announced]], status),
    );
    const response = await client.request(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`);
    assert.deepEqual([response.status, response.field('content-length')], [Number(status), expected]);
    // The connection is as good as before.
    assert.equal((await client.request(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`)).status, Number(status));
  });
}

for (const [what, send, error] of [
  [
    'less content than its content-length says',
    (c: Http2OriginConnection, id: number) => c.answer(id, 'abc', [['content-length', '4']]),
    'http_protocol_error',
  ],
  [
    'more content than its content-length says',
    (c: Http2OriginConnection, id: number) => c.answer(id, 'abcde', [['content-length', '4']]),
    'http_protocol_error',
  ],
  [
    'no status',
    (c: Http2OriginConnection, id: number) => c.headers(id, [['a', 'b']], FLAG.endStream),
    'http_protocol_error',
  ],
  [
    'a status that is none',
    (c: Http2OriginConnection, id: number) => c.answer(id, '', [], 'abc'),
    'http_protocol_error',
  ],
  ['the status 101', (c: Http2OriginConnection, id: number) => c.answer(id, '', [], '101'), 'http_protocol_error'],
  [
    'a name in upper case',
    (c: Http2OriginConnection, id: number) => c.answer(id, 'x', [['X-Upper', '1']]),
    'http_protocol_error',
  ],
  [
    'a field of the connection',
    (c: Http2OriginConnection, id: number) => c.answer(id, 'x', [['transfer-encoding', 'chunked']]),
    'http_protocol_error',
  ],
  [
    'a value with a line break',
    (c: Http2OriginConnection, id: number) => c.answer(id, 'x', [['a', 'b\r\nset-cookie: c=d']]),
    'http_protocol_error',
  ],
  [
    'a pseudo-field of requests',
    (c: Http2OriginConnection, id: number) => c.answer(id, 'x', [[':path', '/']]),
    'http_protocol_error',
  ],
  ['content to 204', (c: Http2OriginConnection, id: number) => c.answer(id, 'x', [], '204'), 'http_protocol_error'],
  [
    'a field section that is too large',
    (c: Http2OriginConnection, id: number) => c.answer(id, 'x', [['a', 'b'.repeat(70_000)]]),
    'http_response_header_section_size',
  ],
  [
    'more fields than any response needs',
    (c: Http2OriginConnection, id: number) =>
      c.answer(
        id,
        'x',
        Array.from({ length: 257 }, (_, i) => [`x-${i}`, ''] as const),
      ),
    'http_response_header_section_size',
  ],
  [
    'an informational response that ends the stream',
    (c: Http2OriginConnection, id: number) => c.headers(id, [[':status', '103']], FLAG.endStream),
    'http_protocol_error',
  ],
  [
    'informational responses without end',
    async (c: Http2OriginConnection, id: number) => {
      for (let i = 0; i < 40; i++) void c.headers(id, [[':status', '103']]);
    },
    'http_protocol_error',
  ],
] as const) {
  test(`RFC 9113 8.1.1: a response with ${what} is answered by 502 and costs its stream only`, async (t) => {
    const { gateway, client, requests } = await setUp(t, (request, connection) =>
      request.field(':path') === '/bad' ? send(connection, request.streamId) : connection.answer(request.streamId),
    );
    assert.equal((await client.request('GET /bad HTTP/1.1\r\nHost: a\r\n\r\n')).status, 502);
    assert.equal((await client.request(GET)).status, 200);
    const [record] = await gateway.untilRecords(2);
    assert.equal(record?.error, error);
    // On the same connection: its streams are counted on.
    assert.deepEqual(
      requests.map(({ streamId }) => streamId),
      [1, 3],
    );
  });
}

test('a response that breaks off within its content breaks off at the client', async (t) => {
  const { gateway, client } = await setUp(t, async ({ streamId }, connection) => {
    void connection.headers(streamId, [
      [':status', '200'],
      ['content-length', '100000'],
    ]);
    await connection.data(streamId, 'some');
    // In another read than the head.
    await connection.frame(FRAME.ping, 0, 0, Buffer.alloc(8));
    await connection.next(({ type, flags }) => type === FRAME.ping && flags === FLAG.ack);
    await connection.rst(streamId, 2);
  });
  void client.send(GET);
  await assert.rejects(client.response());
  const [record] = await gateway.untilRecords(1);
  assert.deepEqual([record?.error, record?.status], ['http_response_incomplete', 200]);
});

test('RFC 9113 8.1: a whole response ahead of the end of the request is passed on, and the rest of the request is not sent', async (t) => {
  let reset: Promise<string> | undefined;
  const { client } = await setUp(t, async ({ streamId }, connection) => {
    await connection.answer(streamId, 'enough');
    await connection.rst(streamId, 0);
    reset = connection.reset(streamId).catch(() => 'none');
  });
  void client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nbegin');
  const { status, body } = await client.response();
  assert.deepEqual([status, body], [200, 'enough']);
  void reset;
});

test('RFC 9113 5.2: content of a request waits for the windows of the endpoint, and holds the client meanwhile', async (t) => {
  const content = Array.from({ length: 200_000 }, (_, i) => String(i % 10)).join('');
  let held = -1;
  const origin = await startHttp2Origin(
    t,
    async (connection) => {
      const { streamId } = await connection.requested();
      const part = await connection.next(({ type }) => type === FRAME.data);
      // Nothing more comes before the window is opened: the answer to a PING would come behind it.
      await connection.frame(FRAME.ping, 0, 0, Buffer.alloc(8));
      await connection.next(({ type, flags }) => type === FRAME.ping && flags === FLAG.ack);
      held = connection.frames.filter(({ type }) => type === FRAME.data).length;
      void connection.windowUpdate(streamId, 1_000_000);
      void connection.windowUpdate(0, 1_000_000);
      const rest = await connection.content(streamId);
      const whole = Buffer.concat([part.payload, rest]);
      await connection.answer(streamId, whole.toString() === content ? 'the same' : 'another');
    },
    { settings: [[SETTING.initialWindowSize, 1000]], refills: false },
  );
  const gateway = await gatewayTo(t, origin);
  const response = await exchange(
    t,
    gateway.port(),
    `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${content.length}\r\n\r\n${content}`,
  );
  assert.equal(response.body, 'the same');
  assert.equal(held, 0);
});

test('RFC 9113 6.9.2: a window that is made smaller, and negative, in the middle of content is kept', async (t) => {
  const { client } = await setUp(t, async ({ streamId }, connection) => {
    await connection.frame(FRAME.settings, 0, 0, Buffer.from([0, SETTING.initialWindowSize, 0, 0, 0, 10]));
    await connection.frame(FRAME.ping, 0, 0, Buffer.alloc(8));
    await connection.next(({ type, flags }) => type === FRAME.ping && flags === FLAG.ack);
    await connection.frame(
      FRAME.settings,
      0,
      0,
      Buffer.concat([Buffer.from([0, SETTING.initialWindowSize]), uint32(65_535)]),
    );
    const content = await connection.content(streamId);
    await connection.answer(streamId, String(content.length));
  });
  const { body } = await client.request(
    `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n${'x'.repeat(300_000)}`,
  );
  assert.equal(body, '300000');
});

test('RFC 9113 5.2: the endpoint may send no more than the client takes', async (t) => {
  const size = 10_000_000;
  let sent = 0;
  let stalled = (): void => {};
  const untilStalled = new Promise<void>((resolve) => (stalled = resolve));
  const origin = await startHttp2Origin(t, async (connection) => {
    const { streamId } = await connection.requested();
    let [ofStream, ofConnection] = [65_536, 65_535];
    void connection.headers(streamId, [[':status', '200']]);
    while (sent < size) {
      const length = Math.min(16_384, ofStream, ofConnection, size - sent);
      if (length > 0) {
        sent += length;
        ofStream -= length;
        ofConnection -= length;
        void connection.data(streamId, Buffer.alloc(length, 120), sent === size ? FLAG.endStream : 0);
        continue;
      }
      // For as long as nobody reads there is no leave to send more.
      const update = connection.next(({ type }) => type === FRAME.windowUpdate);
      const timer = setTimeout(stalled, 300);
      const { streamId: id, payload } = await update;
      clearTimeout(timer);
      if (id === 0) ofConnection += payload.readUInt32BE();
      else ofStream += payload.readUInt32BE();
    }
  });
  const gateway = await gatewayTo(t, origin);
  const client = await connectRaw(t, gateway.port(), { paused: true });
  void client.send(GET);
  await untilStalled;
  assert.ok(sent < size, `${sent} bytes were sent that nobody has read`);
  client.socket.resume();
  assert.equal((await client.response()).body.length, size);
});
