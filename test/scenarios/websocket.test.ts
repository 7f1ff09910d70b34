// Upgraded connections: bytes pass both ways as they are, until either side ends or nothing moves.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTidegate } from '../support/gateway.ts';
import { type OnRequest, ok, startOrigin } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';

const HANDSHAKE =
  'GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
const SWITCHED =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n';

/** Switches, then sends everything back in upper case. */
const echo: OnRequest = (_request, { socket, reader }) => {
  socket.removeAllListeners('data');
  socket.on('data', (bytes: Buffer) => void socket.write(bytes.toString('latin1').toUpperCase(), 'latin1'));
  socket.on('end', () => void socket.end());
  if (reader.unread !== '') socket.write(reader.unread.toUpperCase(), 'latin1');
  return SWITCHED;
};

const configuration = (address: string) => `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['${address}'], timeouts: { tunnel-idle: 400ms } } }
drain: { timeout: 1s }
`;

test('the handshake passes, then bytes go both ways', async (t) => {
  const origin = await startOrigin(t, echo);
  const gateway = await startTidegate(t, configuration(origin.address));
  const client = await connectRaw(t, gateway.port());
  const response = await client.request(HANDSHAKE);
  assert.equal(response.status, 101);
  assert.equal(response.field('upgrade'), 'websocket');
  assert.equal(response.field('sec-websocket-accept'), 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  assert.equal(origin.last.field('upgrade'), 'websocket');
  assert.match(origin.last.field('connection') ?? '', /upgrade/i);
  await client.send('hello\0\x01');
  assert.equal(await client.reader.bytes(7), 'HELLO\0\x01');
  client.end();
  assert.equal(await client.closed(), '');
  const [record] = await gateway.untilRecords(1);
  assert.equal(record?.status, 101);
  assert.equal(record?.bytes_received, 7);
  assert.equal(record?.bytes_sent, 7);
});

test('bytes sent right behind the handshake, on either side, are not lost', async (t) => {
  const origin = await startOrigin(t, (request, connection) => `${echo(request, connection) as string}WELCOME`);
  const gateway = await startTidegate(t, configuration(origin.address));
  const client = await connectRaw(t, gateway.port());
  void client.send(`${HANDSHAKE}early`);
  assert.equal((await client.response()).status, 101);
  const rest = await client.reader.bytes('WELCOMEEARLY'.length);
  assert.deepEqual([rest.includes('WELCOME'), rest.includes('EARLY')], [true, true]);
});

test('a tunnel in which nothing moves is closed after the configured time', async (t) => {
  const origin = await startOrigin(t, echo);
  const gateway = await startTidegate(t, configuration(origin.address));
  const client = await connectRaw(t, gateway.port());
  assert.equal((await client.request(HANDSHAKE)).status, 101);
  assert.equal(await client.closed(), '');
});

test('an origin that refuses the upgrade gives an ordinary response, and the connection stays', async (t) => {
  const origin = await startOrigin(t, () => ok('no chat here'));
  const gateway = await startTidegate(t, configuration(origin.address));
  const client = await connectRaw(t, gateway.port());
  assert.equal((await client.request(HANDSHAKE)).body, 'no chat here');
  assert.equal((await client.request('GET / HTTP/1.1\r\nHost: a\r\n\r\n')).status, 200);
});

test('an origin that switches to another protocol than asked for is answered 502', async (t) => {
  const origin = await startOrigin(t, () => SWITCHED.replace('websocket', 'other'));
  const gateway = await startTidegate(t, configuration(origin.address));
  const client = await connectRaw(t, gateway.port());
  assert.equal((await client.request(HANDSHAKE)).status, 502);
});

test('a reset of the origin is a reset of the client', async (t) => {
  const origin = await startOrigin(t, (_request, { socket }) => {
    setTimeout(() => socket.resetAndDestroy(), 50);
    return SWITCHED;
  });
  const gateway = await startTidegate(t, configuration(origin.address));
  const client = await connectRaw(t, gateway.port());
  assert.equal((await client.request(HANDSHAKE)).status, 101);
  await client.closed();
  assert.equal((client.reader.error as NodeJS.ErrnoException | undefined)?.code, 'ECONNRESET');
});

test('a large message passes whole in both directions at a time', async (t) => {
  const origin = await startOrigin(t, echo);
  const gateway = await startTidegate(t, configuration(origin.address));
  const client = await connectRaw(t, gateway.port());
  assert.equal((await client.request(HANDSHAKE)).status, 101);
  const message = 'abcdefgh'.repeat(250_000);
  void client.send(message);
  assert.equal(await client.reader.bytes(message.length), message.toUpperCase());
});

test('open tunnels end at the deadline of a drain', async (t) => {
  const origin = await startOrigin(t, echo);
  const gateway = await startTidegate(t, configuration(origin.address).replace('400ms', '60s'));
  const client = await connectRaw(t, gateway.port());
  assert.equal((await client.request(HANDSHAKE)).status, 101);
  assert.equal(await gateway.stop(), 0);
  await client.closed();
});

test('RFC 9110 7.8: an origin that switches before it has the whole request is answered 502', async (t) => {
  const origin = await startOrigin(t);
  origin.onHead = (_head, { socket }) => void socket.write(SWITCHED);
  const gateway = await startTidegate(t, configuration(origin.address));
  const client = await connectRaw(t, gateway.port());
  const head = HANDSHAKE.replace('GET', 'POST').replace('\r\n\r\n', '\r\nTransfer-Encoding: chunked\r\n\r\n');
  await client.send(`${head}5\r\nhello\r\n`);
  assert.equal((await client.response()).status, 502);
});

test('a client that ended its side before the origin switched is ended there too', async (t) => {
  const origin = await startOrigin(t, async (request, connection) => {
    await new Promise((resolve) => setTimeout(resolve, 100));
    return await echo(request, connection);
  });
  const gateway = await startTidegate(t, configuration(origin.address));
  const client = await connectRaw(t, gateway.port());
  await client.send(HANDSHAKE);
  client.end();
  assert.equal((await client.response()).status, 101);
  assert.equal(await client.closed(), '');
});
