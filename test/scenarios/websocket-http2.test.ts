// WebSockets over HTTP/2 (RFC 8441), to the gateway and from it: several on one connection, looked at or not.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  createServer,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { clientFrame, testFrame } from '#wire/websocket/testing.ts';
import { FramePeer } from '../support/frame-peer.ts';
import { startTidegate, type TestGateway } from '../support/gateway.ts';
import { echo, openWs, startWsOrigin } from '../support/websocket.ts';
import { WireReader } from '../support/wire-reader.ts';

const configuration = (address: string) => `
routes:
  - { name: passed, match: { path: /passed }, upstream: app }
  - { name: looked-at, match: { path: /looked-at }, policies: [{ type: websocket, origins: [same-host], max-message: 1MiB, close-spread: 0s }], upstream: app }
upstreams: { app: { endpoints: ['${address}'] } }
`;

/** A connection with prior knowledge. */
async function connectHttp2(t: TestContext, gateway: TestGateway): Promise<ClientHttp2Session> {
  const session = connect(`http://127.0.0.1:${gateway.port()}`);
  session.on('error', () => {});
  t.after(() => session.destroy());
  const [settings] = await once(session, 'remoteSettings');
  assert.equal((settings as { enableConnectProtocol?: boolean }).enableConnectProtocol, true);
  return session;
}

interface Http2WebSocket {
  readonly status: number;
  readonly peer: FramePeer;
  readonly stream: ClientHttp2Stream;
}

async function open(
  session: ClientHttp2Session,
  path: string,
  fields: Record<string, string> = {},
): Promise<Http2WebSocket> {
  const stream = session.request(
    { ':method': 'CONNECT', ':protocol': 'websocket', ':path': path, 'sec-websocket-version': '13', ...fields },
    { endStream: false },
  );
  const reader = new WireReader();
  stream.on('data', (bytes: Buffer) => reader.push(bytes));
  stream.on('end', () => reader.end());
  stream.on('error', (error) => reader.end(error));
  const [answer] = await once(stream, 'response');
  return {
    status: Number((answer as Record<string, unknown>)[':status']),
    peer: new FramePeer(reader, stream),
    stream,
  };
}

for (const path of ['/passed', '/looked-at']) {
  test(`${path}: messages pass both ways on several streams of one connection`, async (t) => {
    const origin = await startWsOrigin(t, echo);
    const gateway = await startTidegate(t, configuration(origin.address));
    const session = await connectHttp2(t, gateway);
    const opened = await Promise.all([open(session, path), open(session, path), open(session, path)]);
    for (const [i, { status, peer }] of opened.entries()) {
      assert.equal(status, 200);
      peer.send(clientFrame({ payload: `hello ${i}` }));
    }
    for (const [i, { peer }] of opened.entries()) {
      const { payload, key } = await peer.frame();
      assert.deepEqual([payload, key], [`hello ${i}`, undefined]);
      peer.send(clientFrame({ opcode: 8, payload: Buffer.of(3, 0xe8) }));
      assert.equal((await peer.close()).code, 1000);
      assert.equal(await peer.rest(), '');
      peer.end();
    }
    const records = await gateway.untilRecords(3);
    assert.deepEqual(
      records.map(({ version, status, closed_by }) => [version, status, closed_by]),
      Array.from({ length: 3 }, () => ['2', 200, path === '/passed' ? 'endpoint' : 'client']),
    );
    assert.equal(records[0]?.messages_received, path === '/passed' ? undefined : 1);
  });

  test(`${path}: a large message passes whole, under the windows of the stream`, async (t) => {
    const origin = await startWsOrigin(t, echo);
    const gateway = await startTidegate(t, configuration(origin.address));
    const session = await connectHttp2(t, gateway);
    const { peer } = await open(session, path);
    const payload = 'abcdefgh'.repeat(100_000);
    peer.send(clientFrame({ payload }));
    assert.ok((await peer.frame()).payload === payload);
  });
}

test('a WebSocket that breaks a rule ends alone on its connection', async (t) => {
  const origin = await startWsOrigin(t, echo);
  const gateway = await startTidegate(t, configuration(origin.address));
  const session = await connectHttp2(t, gateway);
  const [bad, good] = await Promise.all([open(session, '/looked-at'), open(session, '/looked-at')]);
  bad.peer.send(testFrame({ payload: 'not masked' }));
  assert.equal((await bad.peer.close()).code, 1002);
  assert.equal(await bad.peer.rest(), '');
  good.peer.send(clientFrame({ payload: 'still here' }));
  assert.equal((await good.peer.frame()).payload, 'still here');
});

test('a page of another host is answered 403', async (t) => {
  const origin = await startWsOrigin(t, echo);
  const gateway = await startTidegate(t, configuration(origin.address));
  const session = await connectHttp2(t, gateway);
  assert.equal((await open(session, '/looked-at', { origin: 'http://evil.test' })).status, 403);
  assert.equal((await open(session, '/looked-at', { origin: `http://127.0.0.1:${gateway.port()}` })).status, 200);
});

test('another version is answered 426', async (t) => {
  const origin = await startWsOrigin(t, echo);
  const gateway = await startTidegate(t, configuration(origin.address));
  const session = await connectHttp2(t, gateway);
  assert.equal((await open(session, '/looked-at', { 'sec-websocket-version': '8' })).status, 426);
});

test('when the gateway stops, WebSockets on HTTP/2 get 1001 as well', async (t) => {
  const origin = await startWsOrigin(t, echo);
  const gateway = await startTidegate(t, configuration(origin.address));
  const session = await connectHttp2(t, gateway);
  const { peer } = await open(session, '/looked-at');
  const endpoint = await origin.accept();
  const stopped = gateway.stop();
  assert.equal((await peer.close()).code, 1001);
  peer.send(clientFrame({ opcode: 8, payload: Buffer.of(3, 0xe9) }));
  peer.end();
  assert.equal((await endpoint.closed).code, 1001);
  assert.equal(await stopped, 0);
});

test('a client that resets its stream resets the connection to the endpoint, and no other', async (t) => {
  const origin = await startWsOrigin(t, echo);
  const gateway = await startTidegate(t, configuration(origin.address));
  const session = await connectHttp2(t, gateway);
  const first = await open(session, '/looked-at');
  const second = await open(session, '/looked-at');
  const endpoint = await origin.accept();
  first.stream.close(8);
  assert.equal((await endpoint.closed).code, 1006);
  second.peer.send(clientFrame({ payload: 'still here' }));
  assert.equal((await second.peer.frame()).payload, 'still here');
});

/** An origin that takes WebSockets over HTTP/2 alone; what it is asked for, and the frames of the first one. */
async function startHttp2Origin(t: TestContext) {
  const server = createServer({ settings: { enableConnectProtocol: true } });
  const accepted = Promise.withResolvers<{ readonly peer: FramePeer; readonly fields: Record<string, unknown> }>();
  server.on('stream', (stream: ServerHttp2Stream, fields) => {
    const reader = new WireReader();
    stream.on('data', (bytes: Buffer) => reader.push(bytes));
    stream.on('end', () => reader.end());
    stream.on('error', (error) => reader.end(error));
    stream.respond({ ':status': 200 }, { endStream: false });
    accepted.resolve({ peer: new FramePeer(reader, stream), fields });
  });
  server.on('session', (session) => t.after(() => session.destroy()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  return { address: `127.0.0.1:${port}`, accepted: accepted.promise };
}

for (const path of ['/passed', '/looked-at']) {
  test(`${path}: a WebSocket of an HTTP/1.1 client goes on over HTTP/2, with its close`, async (t) => {
    const origin = await startHttp2Origin(t);
    const gateway = await startTidegate(
      t,
      configuration(origin.address).replace('upstreams: { app: {', 'upstreams: { app: { protocol: http2,'),
    );
    const client = await openWs(t, gateway.port(), { path });
    const { peer, fields } = await origin.accepted;
    assert.deepEqual([fields[':method'], fields[':protocol'], fields[':path']], ['CONNECT', 'websocket', path]);
    assert.equal(fields['sec-websocket-key'], undefined);
    client.send('hello');
    assert.equal((await peer.frame()).payload, 'hello');
    peer.send(testFrame({ payload: 'back' }));
    assert.equal(await client.next(), 'back');
    client.socket.close(4000, 'done');
    assert.deepEqual(await peer.close(), { code: 4000, reason: 'done' });
    peer.send(testFrame({ opcode: 8, payload: Buffer.of(15, 160) }));
    peer.end();
    assert.equal((await client.closed).code, 4000);
    const [record] = await gateway.untilRecords(1);
    assert.equal(record?.status, 101);
    assert.equal(record?.close_code, path === '/passed' ? undefined : 4000);
  });

  test(`${path}: a WebSocket of an HTTP/2 client goes on over HTTP/2`, async (t) => {
    const origin = await startHttp2Origin(t);
    const gateway = await startTidegate(
      t,
      configuration(origin.address).replace('upstreams: { app: {', 'upstreams: { app: { protocol: http2,'),
    );
    const client = await open(await connectHttp2(t, gateway), path);
    const { peer } = await origin.accepted;
    client.peer.send(clientFrame({ payload: 'hello' }));
    assert.equal((await peer.frame()).payload, 'hello');
    peer.send(testFrame({ payload: 'back' }));
    assert.equal((await client.peer.frame()).payload, 'back');
  });
}
