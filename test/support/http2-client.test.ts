// Tests of the raw HTTP/2 client against the server that Node.js has.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createSecureServer, createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createAuthority } from './certificates.ts';
import { connectHttp2 } from './http2-client.ts';
import { FRAME, SETTING } from './http2-frames.ts';

async function listen(t: TestContext, server: Http2Server, answer: (stream: ServerHttp2Stream) => void) {
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => {});
    answer(stream);
  });
  server.on('sessionError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

function echo(stream: ServerHttp2Stream): void {
  stream.additionalHeaders({ ':status': 103 });
  stream.respond({ ':status': 200, 'x-answer': 'yes' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'x-last': 'word' }));
  stream.pipe(stream);
}

test('a response is read whole: interim ones, fields, content, trailers', async (t) => {
  const client = await connectHttp2(t, await listen(t, createServer(), echo));
  await client.open();
  void client.request(1, '/a', { body: 'hello', fields: [['x-ask', 'a']] });
  const response = await client.response(1);
  assert.equal(response.status, 200);
  assert.deepEqual(response.interim, [103]);
  assert.equal(response.field('x-answer'), 'yes');
  assert.equal(response.body.toString(), 'hello');
  assert.deepEqual(response.trailers, [['x-last', 'word']]);
});

test('content beyond the window comes as the room is given back', async (t) => {
  const port = await listen(t, createServer(), (stream) => {
    stream.respond({ ':status': 200 });
    stream.end(Buffer.alloc(300_000));
  });
  const client = await connectHttp2(t, port, { refills: true });
  await client.open([[SETTING.initialWindowSize, 1000]]);
  void client.request(1, '/');
  assert.equal((await client.response(1)).body.length, 300_000);
});

test('over TLS, h2 is agreed on', async (t) => {
  const authority = createAuthority();
  const server = createSecureServer(authority.issue({ names: ['localhost'] }));
  const port = await listen(t, server, echo);
  const client = await connectHttp2(t, port, { tls: { ca: authority.cert, servername: 'localhost' } });
  await client.open();
  void client.request(1, '/');
  assert.equal((await client.response(1)).status, 200);
});

test('a reset and a GOAWAY tell their codes', async (t) => {
  const port = await listen(t, createServer(), (stream) => stream.close(2));
  const client = await connectHttp2(t, port);
  await client.open();
  void client.request(1, '/');
  assert.equal(await client.reset(1), 'INTERNAL_ERROR');
  void client.frame(FRAME.ping, 0, 1, Buffer.alloc(8));
  assert.equal((await client.goaway()).code, 'PROTOCOL_ERROR');
  await client.closed();
  await assert.rejects(client.next(), /ended before the frame/);
});
