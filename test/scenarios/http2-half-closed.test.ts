// HTTP/2 clients that close their side of the connection behind their requests, in the clear and over TLS: what they have asked for
// whole is theirs, as over HTTP/1.1, and nothing waits for what can never come.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { requestFields } from '../support/frame-sender.ts';
import { startTidegate, type TestGateway } from '../support/gateway.ts';
import { connectHttp2, type Http2ConnectOptions, type RawHttp2Client } from '../support/http2-client.ts';
import { FLAG, FRAME, SETTING, type Setting } from '../support/http2-frames.ts';
import { type Origin, type OriginConnection, ok, startOrigin } from '../support/origin.ts';
import { authority, certificateFiles } from '../support/tls.ts';

const files = certificateFiles({ site: authority.issue({ names: ['localhost'] }) });

/** No timeout of these is over before the test is. */
const configuration = ({ address }: Origin) => `
listeners:
  plain: { address: '127.0.0.1:0', timeouts: { send: 10m, body: 10m, keep-alive: 10m } }
  secure:
    address: '127.0.0.1:0'
    tls: { certificates: [{ cert: site.pem, key: site.key }] }
    timeouts: { send: 10m, body: 10m, keep-alive: 10m }
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['${address}'], timeouts: { first-byte: 10m, idle: 10m } } }
`;

interface Started {
  readonly client: RawHttp2Client;
  readonly gateway: TestGateway;
  /** The request at the origin, and how to answer it. */
  readonly asked: Promise<{ readonly connection: OriginConnection; answer(content: string): void }>;
}

async function start(t: TestContext, port: 'plain' | 'secure', settings: readonly Setting[] = []): Promise<Started> {
  const asked = Promise.withResolvers<Awaited<Started['asked']>>();
  const origin = await startOrigin(t, ({ target }, connection) => {
    if (target !== '/wait') return ok('other');
    return new Promise<string>((resolve) => {
      asked.resolve({ connection, answer: (content) => resolve(ok(content)) });
    });
  });
  const gateway = await startTidegate(t, configuration(origin), { files });
  const tls = port === 'secure' ? { ca: authority.cert, servername: 'localhost' } : undefined;
  const options: Http2ConnectOptions = { refills: false, ...(tls && { tls }) };
  const client = await connectHttp2(t, gateway.port(port), options);
  await client.open(settings);
  return { client, gateway, asked: asked.promise };
}

for (const port of ['plain', 'secure'] as const) {
  test(`a client that closes its side behind its requests gets their responses, and then the end (${port})`, async (t) => {
    const { client, gateway, asked } = await start(t, port);
    void client.request(1, '/wait', { body: 'question' });
    const { answer } = await asked;
    client.socket.end();
    assert.deepEqual(await client.goaway(), { lastStreamId: 1, code: 'NO_ERROR' });
    answer('late');
    assert.equal((await client.response(1)).body.toString(), 'late');
    await client.closed();
    assert.deepEqual(
      (await gateway.untilRecords(1)).map(({ status, error }) => [status, error]),
      [[200, undefined]],
    );
  });

  test(`a request that is not whole when the client closes its side is given up at once, and no other (${port})`, async (t) => {
    const { client, gateway, asked } = await start(t, port);
    void client.headers(1, requestFields([[':method', 'POST']], [[':path', '/begun']]));
    void client.request(3, '/wait');
    const { answer } = await asked;
    client.socket.end();
    assert.equal(await client.reset(1), 'CANCEL');
    const [record] = await gateway.untilRecords(1);
    assert.deepEqual([record?.status, record?.reason], [499, 'the client has closed its side within its request']);
    answer('whole');
    assert.equal((await client.response(3)).body.toString(), 'whole');
    await client.closed();
  });

  test(`a response beyond the window that a client has left when it closed its side is given up at once (${port})`, async (t) => {
    const { client, gateway, asked } = await start(t, port, [[SETTING.initialWindowSize, 1000]]);
    void client.request(1, '/wait');
    const { answer } = await asked;
    client.socket.end();
    await client.goaway();
    answer('x'.repeat(1001));
    assert.equal(await client.reset(1), 'CANCEL');
    await client.closed();
    const sent = client.frames.filter(({ type }) => type === FRAME.data);
    assert.equal(
      sent.reduce((sum, { payload }) => sum + payload.length, 0),
      1000,
    );
    const [record] = await gateway.untilRecords(1);
    assert.equal(record?.error, 'client-closed');
  });
}

test('a response that already waits for a window is given up when the client closes its side, and no other', async (t) => {
  const { client, asked } = await start(t, 'plain', [[SETTING.initialWindowSize, 5]]);
  void client.request(1, '/wait');
  (await asked).answer('more than that');
  await client.next(({ type }) => type === FRAME.data);
  void client.request(3, '/other');
  client.socket.end();
  assert.equal(await client.reset(1), 'CANCEL');
  assert.equal((await client.response(3)).body.toString(), 'other');
  await client.closed();
});

test('content that comes when the window is used up exactly is given up at once', async (t) => {
  const { client, asked } = await start(t, 'plain', [[SETTING.initialWindowSize, 4]]);
  void client.request(1, '/wait');
  const { socket } = (await asked).connection;
  client.socket.end();
  await client.goaway();
  socket.write('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nfull');
  await client.next(({ type }) => type === FRAME.data);
  socket.write('more');
  assert.equal(await client.reset(1), 'CANCEL');
  await client.closed();
});

test('a large response goes on to a client that has left room for it before it closed its side', async (t) => {
  const size = 4_000_000;
  const { client, asked } = await start(t, 'plain', [[SETTING.initialWindowSize, size]]);
  void client.windowUpdate(0, size);
  void client.request(1, '/wait');
  const { answer } = await asked;
  client.socket.end();
  answer('x'.repeat(size));
  assert.equal((await client.response(1)).body.length, size);
  await client.closed();
});

test('a client that has closed both sides is noticed, and its request ended at the endpoint', async (t) => {
  const { client, gateway, asked } = await start(t, 'plain');
  void client.request(1, '/wait');
  const { connection } = await asked;
  client.socket.destroy();
  await connection.reader.rest();
  const [record] = await gateway.untilRecords(1);
  assert.deepEqual([record?.status, record?.error], [499, 'client-closed']);
});

test('a client that closes its side in the middle of a frame is given up', async (t) => {
  const { client, gateway, asked } = await start(t, 'plain');
  void client.request(1, '/wait');
  await asked;
  void client.send('\0\0\x08\x06\0\0\0\0\0half');
  client.socket.end();
  await client.closed();
  assert.equal((await gateway.untilRecords(1))[0]?.error, 'client-closed');
});

test('a malformed request is reset as such also where the client has closed its side behind it', async (t) => {
  const { client } = await start(t, 'plain');
  void client.headers(1, [...requestFields(), ['te', 'gzip']], FLAG.endStream);
  client.socket.end();
  assert.equal(await client.reset(1), 'PROTOCOL_ERROR');
  await client.closed();
});
