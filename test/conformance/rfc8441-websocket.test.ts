// RFC 8441: WebSockets of HTTP/2 clients, by extended CONNECT, on their way to an endpoint that speaks HTTP/1.1.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { acceptFor } from '#wire/websocket/handshake.ts';
import { requestFields } from '../support/frame-sender.ts';
import { proxyTo, startTidegate } from '../support/gateway.ts';
import type { FieldPair } from '../support/hpack.ts';
import { connectHttp2, type RawHttp2Client } from '../support/http2-client.ts';
import { FLAG, FRAME } from '../support/http2-frames.ts';
import { type OriginConnection, ok, type ReceivedRequest, startOrigin } from '../support/origin.ts';

const CONNECT: readonly FieldPair[] = [
  [':method', 'CONNECT'],
  [':protocol', 'websocket'],
  [':path', '/chat'],
  ['sec-websocket-version', '13'],
];

/** An endpoint that switches protocols, with what it was asked and the socket on which it goes on. */
async function start(t: TestContext) {
  const opened = Promise.withResolvers<{ readonly request: ReceivedRequest; readonly connection: OriginConnection }>();
  const origin = await startOrigin(t, (request, connection) => {
    if (request.field('upgrade') !== 'websocket') return ok();
    const accept = acceptFor(request.field('sec-websocket-key') ?? '');
    const lines = `Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n`;
    connection.socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines}\r\n`);
    opened.resolve({ request, connection });
    // What follows is no request.
    return new Promise<undefined>(() => {});
  });
  const gateway = await startTidegate(t, proxyTo(origin));
  const client = await connectHttp2(t, gateway.port());
  const settings = await client.open();
  return { client, settings, opened: opened.promise, origin };
}

/** Opens a tunnel on stream 1. */
async function open(client: RawHttp2Client): Promise<void> {
  void client.headers(1, requestFields(CONNECT));
  const answer = await client.next(({ type }) => type === FRAME.headers);
  assert.equal(answer.flags & FLAG.endStream, 0);
  assert.equal(answer.fields?.find(([name]) => name === ':status')?.[1], '200');
}

/** Resolves when the endpoint's connection is no more, however it went. */
function gone({ socket }: OriginConnection): Promise<void> {
  return new Promise((resolve) => (socket.closed ? resolve() : socket.on('close', () => resolve())));
}

async function assertServes(client: RawHttp2Client): Promise<void> {
  void client.request(101, '/');
  assert.equal((await client.response(101)).status, 200);
}

test('RFC 8441 3: the server says that it takes extended CONNECT', async (t) => {
  const { settings } = await start(t);
  const values: Record<number, number> = {};
  for (let at = 0; at < settings.payload.length; at += 6)
    values[settings.payload.readUInt16BE(at)] = settings.payload.readUInt32BE(at + 2);
  assert.equal(values[8], 1);
});

test('RFC 8441 5: extended CONNECT is forwarded as the handshake of HTTP/1.1, with a key of the gateway', async (t) => {
  const { client, opened } = await start(t);
  const fields: readonly FieldPair[] = [
    ...CONNECT,
    ['sec-websocket-protocol', 'chat'],
    ['origin', 'http://example.com'],
  ];
  void client.headers(1, requestFields(fields));
  const { request } = await opened;
  assert.equal(request.start, 'GET /chat HTTP/1.1');
  assert.equal(request.field('upgrade'), 'websocket');
  assert.equal(request.field('connection'), 'upgrade');
  assert.equal(request.field('sec-websocket-version'), '13');
  assert.equal(request.field('sec-websocket-protocol'), 'chat');
  assert.match(request.field('sec-websocket-key') ?? '', /^[A-Za-z0-9+/]{22}==$/);
  const answer = await client.next(({ type }) => type === FRAME.headers);
  const names = answer.fields?.map(([name]) => name) ?? [];
  // RFC 8441 5: Sec-WebSocket-Accept, Connection and Upgrade are not used.
  for (const name of ['sec-websocket-accept', 'connection', 'upgrade', 'content-length'])
    assert.ok(!names.includes(name));
});

test('RFC 8441 4: content of both sides passes, also what was sent ahead of the answer', async (t) => {
  const { client, opened } = await start(t);
  void client.headers(1, requestFields(CONNECT));
  void client.data(1, 'early ');
  void client.frame(FRAME.data, FLAG.padded, 1, '\x02more\0\0');
  const { connection } = await opened;
  assert.equal((await connection.reader.bytes(10)).toString(), 'early more');
  connection.socket.write('hello');
  const data = await client.next(({ type }) => type === FRAME.data);
  assert.equal(data.payload.toString(), 'hello');
});

test('RFC 9110 9.3.6: a Content-Length of CONNECT, which has no content, is not held against what the tunnel carries', async (t) => {
  const { client, opened } = await start(t);
  void client.headers(1, requestFields([...CONNECT, ['content-length', '0']]));
  const { request, connection } = await opened;
  assert.equal(request.field('content-length'), undefined);
  void client.data(1, 'hello');
  assert.equal((await connection.reader.bytes(5)).toString(), 'hello');
  connection.socket.write('bye');
  assert.equal((await client.next(({ type }) => type === FRAME.data)).payload.toString(), 'bye');
});

test('RFC 8441 5: END_STREAM is the end of the connection, in both directions', async (t) => {
  const { client, opened } = await start(t);
  await open(client);
  const { connection } = await opened;
  void client.data(1, 'last', FLAG.endStream);
  assert.equal(await connection.reader.rest(), 'last');
  connection.socket.end('bye');
  const ends = await client.next(({ type, flags }) => type === FRAME.data && (flags & FLAG.endStream) !== 0);
  assert.equal(ends.streamId, 1);
  await assertServes(client);
});

test('RFC 8441 5: a reset of the stream is a reset of the connection', async (t) => {
  const { client, opened } = await start(t);
  await open(client);
  const { connection } = await opened;
  void client.rst(1);
  await gone(connection);
  await assertServes(client);
});

test('RFC 8441 5: a reset of the connection is a reset of the stream with CANCEL', async (t) => {
  const { client, opened } = await start(t);
  await open(client);
  const { connection } = await opened;
  connection.socket.resetAndDestroy();
  assert.equal(await client.reset(1), 'CANCEL');
  await assertServes(client);
});

for (const [what, fields] of [
  ['trailers', [['x-trailer', '1']]],
  ['an empty field section', []],
  ['another request', requestFields(CONNECT)],
] satisfies [string, readonly FieldPair[]][]) {
  test(`RFC 9113 8.5: ${what} on a stream that is a tunnel is a stream error`, async (t) => {
    const { client, opened } = await start(t);
    await open(client);
    const { connection } = await opened;
    void client.headers(1, fields, FLAG.endStream);
    assert.equal(await client.reset(1), 'PROTOCOL_ERROR');
    await gone(connection);
    await assertServes(client);
  });
}

test('RFC 8441 4: an endpoint that does not switch protocols is answered as it answers', async (t) => {
  const origin = await startOrigin(t, () => 'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno');
  const gateway = await startTidegate(t, proxyTo(origin));
  const client = await connectHttp2(t, gateway.port());
  await client.open();
  void client.headers(1, requestFields(CONNECT));
  const response = await client.response(1);
  assert.deepEqual([response.status, response.body.toString()], [403, 'no']);
});

test('RFC 8441 4: a 2xx of an endpoint that has switched nothing is not passed on as a tunnel', async (t) => {
  const origin = await startOrigin(t, () => ok());
  const gateway = await startTidegate(t, proxyTo(origin));
  const client = await connectHttp2(t, gateway.port());
  await client.open();
  void client.headers(1, requestFields(CONNECT));
  assert.equal((await client.response(1)).status, 502);
});
