// Clients over HTTP/2 that are asked whether they are still there, while the gateway works for them.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { requestFields } from '../support/frame-sender.ts';
import { startTidegate } from '../support/gateway.ts';
import { hpackBlock } from '../support/hpack.ts';
import { connectHttp2To } from '../support/http2-client.ts';
import { FLAG, FRAME, headersBytes } from '../support/http2-frames.ts';
import { startOrigin } from '../support/origin.ts';

/** A request that the origin does not answer, by a client that says nothing further. */
async function waitForAnswer(t: TestContext, http2: string) {
  const asked = Promise.withResolvers<void>();
  const origin = await startOrigin(t, () => {
    asked.resolve();
    return new Promise<undefined>(() => {});
  });
  const gateway = await startTidegate(
    t,
    `
listeners: { web: { address: '127.0.0.1:0', http2: ${http2} } }
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['${origin.address}'] } }
`,
  );
  const client = await connectHttp2To(gateway.port());
  t.after(() => client.socket.destroy());
  await client.open();
  void client.headers(
    1,
    [
      [':method', 'GET'],
      [':scheme', 'http'],
      [':authority', 'a.test'],
      [':path', '/'],
    ],
    FLAG.endHeaders | FLAG.endStream,
  );
  await asked.promise;
  return { client, gateway };
}

test('a client that answers is asked again; one that does not is given up, and so is its request', async (t) => {
  const { client, gateway } = await waitForAnswer(t, '{ ping-interval: 300ms, ping-timeout: 2s }');
  for (let asked = 0; asked < 2; asked++) {
    const { payload } = await client.next(({ type, flags }) => type === FRAME.ping && (flags & FLAG.ack) === 0);
    void client.frame(FRAME.ping, FLAG.ack, 0, payload);
  }
  await client.next(({ type, flags }) => type === FRAME.ping && (flags & FLAG.ack) === 0);
  await client.closed();
  const [record] = await gateway.untilRecords(1);
  assert.equal(record?.error, 'client-closed');
});

test('an answer to a sign of life is not taken for one to the end of streams', async (t) => {
  const { client, gateway } = await waitForAnswer(t, '{ ping-interval: 300ms }');
  const { payload } = await client.next(({ type }) => type === FRAME.ping);
  gateway.child.kill('SIGTERM');
  const first = await client.goaway();
  assert.equal(first.lastStreamId, 0x7fffffff);
  await client.next(({ type }) => type === FRAME.ping);
  void client.frame(FRAME.ping, FLAG.ack, 0, payload);
  void client.headers(
    3,
    [
      [':method', 'GET'],
      [':scheme', 'http'],
      [':authority', 'a.test'],
      [':path', '/'],
    ],
    FLAG.endHeaders | FLAG.endStream,
  );
  void client.frame(FRAME.ping, FLAG.ack, 0, payload);
  const second = await client.goaway();
  assert.equal(second.lastStreamId, 3);
});

test('a client is asked for signs of life also where its first request was malformed', async (t) => {
  const origin = await startOrigin(t, () => new Promise<undefined>(() => {}));
  const gateway = await startTidegate(
    t,
    `
listeners: { web: { address: '127.0.0.1:0', http2: { ping-interval: 300ms } } }
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['${origin.address}'] } }
`,
  );
  const client = await connectHttp2To(gateway.port());
  t.after(() => client.socket.destroy());
  await client.open();
  const malformed = headersBytes(1, hpackBlock([...requestFields(), ['te', 'gzip']]), FLAG.endStream);
  void client.send(Buffer.concat([malformed, headersBytes(3, hpackBlock(requestFields()), FLAG.endStream)]));
  assert.equal(await client.reset(1), 'PROTOCOL_ERROR');
  await client.next(({ type, flags }) => type === FRAME.ping && (flags & FLAG.ack) === 0);
});
