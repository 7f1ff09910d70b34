// RFC 9113 6.8, 8.7 and 9.1: how connections end, by the gateway's will and by the client's, and how long a client may take.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { requestFields } from '../support/frame-sender.ts';
import { proxyTo, startTidegate, type TestGateway } from '../support/gateway.ts';
import { hpackBlock } from '../support/hpack.ts';
import { connectHttp2, type RawHttp2Client } from '../support/http2-client.ts';
import { FLAG, FRAME, PREFACE, SETTING } from '../support/http2-frames.ts';
import { type Origin, ok, startOrigin } from '../support/origin.ts';

const POST = requestFields([[':method', 'POST']]);
const LAST = 2 ** 31 - 1;

interface World {
  readonly origin: Origin;
  readonly gateway: TestGateway;
  readonly client: RawHttp2Client;
  /** Has the origin answer what it holds: requests for `/hold`. */
  readonly release: () => void;
}

/** A gateway whose listener `web` has these options, and a client with an open connection. */
async function start(t: TestContext, options = ''): Promise<World> {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const origin = await startOrigin(t, async ({ target, body }) => {
    if (target === '/hold') await released;
    return ok(body === '' ? 'whole' : body);
  });
  const listeners = `listeners: { web: { address: '127.0.0.1:0', ${options} } }`;
  const gateway = await startTidegate(t, `${listeners}\n${proxyTo(origin)}`);
  const client = await connectHttp2(t, gateway.port());
  await client.open();
  return { origin, gateway, client, release };
}

/** Takes the GOAWAY that announces the end, and the PING by which the gateway learns that the client knows. */
async function announced(client: RawHttp2Client): Promise<Buffer> {
  assert.deepEqual(await client.goaway(), { lastStreamId: LAST, code: 'NO_ERROR' });
  return (await client.next(({ type, flags }) => type === FRAME.ping && flags === 0)).payload;
}

/** The end of a connection that serves: nothing that was under way is lost. */
async function assertEndsInPeace({ client, release }: World, end: () => unknown): Promise<void> {
  void client.request(1, '/hold');
  void client.headers(3, POST);
  void client.request(5, '/');
  assert.equal((await client.response(5)).status, 200);
  await end();
  const ping = await announced(client);
  // The client could not know before.
  void client.request(7, '/');
  assert.equal((await client.response(7)).body.toString(), 'whole');
  void client.frame(FRAME.ping, FLAG.ack, 0, ping);
  assert.deepEqual(await client.goaway(), { lastStreamId: 7, code: 'NO_ERROR' });
  void client.request(9, '/');
  void client.data(3, 'content', FLAG.endStream);
  assert.equal((await client.response(3)).body.toString(), 'content');
  release();
  assert.equal((await client.response(1)).body.toString(), 'whole');
  await client.closed();
  assert.equal(
    client.frames.find(({ streamId }) => streamId === 9),
    undefined,
  );
}

test('RFC 9113 6.8: when the gateway stops, what is under way ends first', async (t) => {
  const world = await start(t);
  await assertEndsInPeace(world, () => world.gateway.child.kill('SIGTERM'));
  assert.equal(await world.gateway.exit, 0);
});

test('RFC 9113 6.8: when a new configuration has the listener no more, what is under way ends first', async (t) => {
  const world = await start(t);
  const listeners = `listeners: { other: { address: '127.0.0.1:0' } }`;
  await assertEndsInPeace(world, () => world.gateway.write(`${listeners}\n${proxyTo(world.origin)}`));
});

test('RFC 9113 6.8: a client that does not answer PING is waited for, but not for ever', async (t) => {
  const { client, gateway, release } = await start(t);
  void client.request(1, '/hold');
  void client.request(3, '/');
  await client.response(3);
  gateway.child.kill('SIGTERM');
  await announced(client);
  assert.deepEqual(await client.goaway(), { lastStreamId: 3, code: 'NO_ERROR' });
  release();
  assert.equal((await client.response(1)).body.toString(), 'whole');
  await client.closed();
});

test('RFC 9113 6.8: an idle connection ends with both GOAWAY too', async (t) => {
  const { client, gateway } = await start(t);
  gateway.child.kill('SIGTERM');
  void client.frame(FRAME.ping, FLAG.ack, 0, await announced(client));
  assert.deepEqual(await client.goaway(), { lastStreamId: 0, code: 'NO_ERROR' });
  await client.closed();
  assert.equal(await gateway.exit, 0);
});

test('RFC 9113 5.4.1: a breach while the connection ends is still told', async (t) => {
  const { client, gateway } = await start(t);
  void client.request(1, '/hold');
  void client.request(3, '/');
  await client.response(3);
  gateway.child.kill('SIGTERM');
  await announced(client);
  void client.windowUpdate(0, 0);
  assert.deepEqual(await client.goaway(), { lastStreamId: 3, code: 'PROTOCOL_ERROR' });
  await client.closed();
});

test('after as many requests as the limit says, the connection ends in peace', async (t) => {
  const { client } = await start(t, 'limits: { requests: 3 }');
  for (const id of [1, 3, 5]) {
    void client.request(id, '/');
    assert.equal((await client.response(id)).status, 200);
  }
  const ping = await announced(client);
  void client.request(7, '/');
  assert.equal((await client.response(7)).status, 200);
  void client.frame(FRAME.ping, FLAG.ack, 0, ping);
  assert.deepEqual(await client.goaway(), { lastStreamId: 7, code: 'NO_ERROR' });
  await client.closed();
});

test('RFC 9113 9.1: an idle connection is ended with GOAWAY, and PING does not keep it', async (t) => {
  const { client } = await start(t, 'timeouts: { keep-alive: 500ms }');
  void client.request(1, '/');
  assert.equal((await client.response(1)).status, 200);
  const pinging = setInterval(() => void client.ping(), 50);
  t.after(() => clearInterval(pinging));
  void client.frame(FRAME.ping, FLAG.ack, 0, await announced(client));
  assert.deepEqual(await client.goaway(), { lastStreamId: 1, code: 'NO_ERROR' });
  await client.closed();
});

test('a connection with a stream is not idle, however long that takes', async (t) => {
  const { client, release } = await start(t, 'timeouts: { keep-alive: 100ms }');
  void client.request(1, '/hold');
  // Another connection of the same listener ends meanwhile.
  const other = await connectHttp2(t, client.socket.remotePort as number);
  await other.open();
  await other.closed();
  release();
  assert.equal((await client.response(1)).body.toString(), 'whole');
});

test('RFC 9113 6.8: a client may leave with GOAWAY, and gets what it has asked for', async (t) => {
  const { client, release } = await start(t);
  void client.request(1, '/hold');
  void client.frame(FRAME.goaway, 0, 0, Buffer.alloc(8));
  void client.ping();
  await client.next(({ type }) => type === FRAME.ping);
  release();
  assert.equal((await client.response(1)).body.toString(), 'whole');
});

test('a client that breaks its connection ends what is under way for it', async (t) => {
  const { client, origin, gateway } = await start(t);
  void client.request(1, '/hold');
  void client.headers(3, POST);
  await origin.untilRequested(1);
  client.socket.resetAndDestroy();
  const records = await gateway.untilRecords(2);
  assert.deepEqual(
    records.map(({ status, error }) => [status, error]),
    [
      [499, 'client-closed'],
      [499, 'client-closed'],
    ],
  );
});

// How long a client may take.

for (const [what, send] of [
  ['says nothing behind its preface', (client: RawHttp2Client) => client.send(PREFACE)],
  ['does not end its SETTINGS', (client: RawHttp2Client) => client.send(`${PREFACE}\0\0\x06\x04`)],
  ['does not end its preface', (client: RawHttp2Client) => client.send(PREFACE.slice(0, 20))],
] as const) {
  test(`a client that ${what} is waited for as for a head, and not longer`, async (t) => {
    const { gateway } = await start(t, 'timeouts: { head: 200ms }');
    const client = await connectHttp2(t, gateway.port());
    void send(client);
    await client.closed();
  });
}

for (const [what, send] of [
  ['a header block', (client: RawHttp2Client) => client.frame(FRAME.headers, 0, 3, hpackBlock(requestFields()))],
  ['a frame', (client: RawHttp2Client) => client.send('\0\0\x08\x06\0\0\0\0\0half')],
  ['the head of a frame', (client: RawHttp2Client) => client.send('\0\0')],
] as const) {
  test(`a client that does not end ${what} is waited for as for a head, and not longer`, async (t) => {
    const { client } = await start(t, 'timeouts: { head: 300ms }');
    void client.request(1, '/');
    await client.response(1);
    void send(client);
    await client.closed();
  });
}

test('a header block without end ends the connection also where another stream is busy', async (t) => {
  const { client } = await start(t, 'timeouts: { head: 300ms }');
  void client.request(1, '/hold');
  void client.frame(FRAME.headers, 0, 3, hpackBlock(requestFields()));
  await client.closed();
});

test('content that does not come is answered 408, and the other streams go on', async (t) => {
  const { client, release } = await start(t, 'timeouts: { body: 300ms }');
  void client.request(1, '/hold');
  void client.headers(3, POST);
  void client.data(3, 'some');
  assert.equal((await client.response(3)).status, 408);
  assert.equal(await client.reset(3), 'NO_ERROR');
  release();
  assert.equal((await client.response(1)).body.toString(), 'whole');
});

test('padding alone does not keep content alive', async (t) => {
  const { client } = await start(t, 'timeouts: { body: 500ms }');
  void client.headers(1, POST);
  const padding = setInterval(() => void client.frame(FRAME.data, FLAG.padded, 1, Buffer.from([1, 0])), 50);
  t.after(() => clearInterval(padding));
  assert.equal((await client.response(1)).status, 408);
});

test('a client that takes nothing of a response loses its stream, and the others go on', async (t) => {
  const { client } = await start(t, 'timeouts: { send: 500ms }');
  void client.settings([SETTING.initialWindowSize, 0]);
  void client.request(1, '/');
  assert.equal(await client.reset(1), 'CANCEL');
  void client.settings([SETTING.initialWindowSize, 100]);
  void client.request(3, '/');
  assert.equal((await client.response(3)).body.toString(), 'whole');
});
