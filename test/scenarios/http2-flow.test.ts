// What moves slowly over HTTP/2, on either side, and what only looks as if it stood still; and the end of connections, which costs nobody
// what was on its way.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { proxyTo, startTidegate } from '../support/gateway.ts';
import { connectHttp2 } from '../support/http2-client.ts';
import { FLAG, FRAME, SETTING } from '../support/http2-frames.ts';
import { startHttp2Origin } from '../support/http2-origin.ts';
import { connectNode, send } from '../support/node-http2.ts';
import { ok, startOrigin } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';

const toHttp2 = (address: string, options = '') => `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['${address}'], protocol: http2, ${options} } }
`;

for (const [what, version] of [
  ['is told so', '1.1'],
  ['gets the end of the connection', '1.0'],
] as const) {
  test(`RFC 9112 6.3: an HTTP/${version} client ${what} where HTTP/2 content turns out to be empty`, async (t) => {
    const origin = await startHttp2Origin(t, async (connection) => {
      for (;;) {
        const { streamId } = await connection.requested();
        await connection.headers(streamId, [[':status', '200']]);
        await connection.data(streamId, '', FLAG.endStream);
      }
    });
    const gateway = await startTidegate(t, toHttp2(origin.address));
    const client = await connectRaw(t, gateway.port());
    const request = `GET / HTTP/${version}\r\nHost: a\r\n\r\n`;
    if (version === '1.0') {
      assert.equal((await client.request(request, { untilClose: true })).body, '');
      return;
    }
    await client.send(request + request);
    for (let turn = 0; turn < 2; turn++) {
      const response = await client.response();
      assert.deepEqual([response.status, response.body], [200, '']);
    }
    assert.equal(client.reader.unread, '');
  });
}

test('an HTTP/2 endpoint that takes the content of a request little by little has all the time it takes', async (t) => {
  const [size, step] = [12_000, 1000];
  let received = 0;
  const origin = await startHttp2Origin(
    t,
    async (connection) => {
      const { streamId } = await connection.requested();
      while (received < size) {
        received += (await connection.next(({ type }) => type === FRAME.data)).payload.length;
        // Longer in all than the endpoint may take nothing.
        await new Promise((resolve) => setTimeout(resolve, 60));
        await connection.windowUpdate(streamId, step);
      }
      await connection.answer(streamId, 'whole');
    },
    { settings: [[SETTING.initialWindowSize, step]], refills: false },
  );
  const gateway = await startTidegate(t, toHttp2(origin.address, 'timeouts: { idle: 300ms }'));
  const client = await connectRaw(t, gateway.port());
  // Of unknown length, so that it streams.
  const content = `2ee0\r\n${'a'.repeat(size)}\r\n0\r\n\r\n`;
  const response = await client.request(`PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${content}`);
  assert.deepEqual([response.status, response.body, received], [200, 'whole', size]);
});

test('a client is not blamed for content that it may not send, as that of other requests fills the connection', async (t) => {
  const origin = await startOrigin(t, ({ body }) => ok(String(body.length)));
  // An endpoint that takes nothing holds the first request; nobody waits for the second one.
  origin.onHead = (head, { socket }) => {
    if (head.startsWith('PUT /held')) socket.pause();
  };
  const gateway = await startTidegate(
    t,
    `
listeners:
  web:
    address: '127.0.0.1:0'
    timeouts: { body: 1s }
    http2: { stream-window: 1MiB, connection-window: 64KiB }
${proxyTo(origin)}`,
  );
  const session = await connectNode(t, gateway.port());
  const held = send(session, { ':path': '/held', ':method': 'PUT' }, Buffer.alloc(16 * 1024 * 1024));
  const other = send(session, { ':path': '/other', ':method': 'PUT' }, Buffer.alloc(200_000));
  held.on('error', () => {});
  other.on('error', () => {});
  const statuses: unknown[] = [];
  const answers = [held, other].map(async (stream) => {
    const [fields] = await once(stream, 'response');
    statuses.push(fields[':status']);
  });
  // Longer than a client may send nothing that is allowed to.
  await new Promise((resolve) => setTimeout(resolve, 2500));
  assert.deepEqual(statuses, []);
  for (const { socket } of origin.connections) socket.resume();
  await Promise.all(answers);
  assert.deepEqual(statuses, [200, 200]);
});

test('a connection that ends with GOAWAY is left to its client to close', async (t) => {
  const origin = await startOrigin(t);
  const gateway = await startTidegate(t, `drain: { timeout: 20s }\n${proxyTo(origin)}`);
  const client = await connectHttp2(t, gateway.port());
  await client.open();
  await client.request(1, '/');
  assert.equal((await client.response(1)).status, 200);
  gateway.child.kill('SIGTERM');
  assert.deepEqual(await client.goaway(), { lastStreamId: 0x7fffffff, code: 'NO_ERROR' });
  const ping = await client.next(({ type, flags }) => type === FRAME.ping && flags === 0);
  await client.frame(FRAME.ping, FLAG.ack, 0, ping.payload);
  assert.deepEqual(await client.goaway(), { lastStreamId: 1, code: 'NO_ERROR' });
  // It still hears what the client says.
  await client.ping('question');
  const answer = await client.next(({ type, flags }) => type === FRAME.ping && (flags & FLAG.ack) !== 0);
  assert.equal(answer.payload.toString(), 'question');
  client.socket.end();
  assert.equal(await gateway.exit, 0);
});
