// An origin that answers before it has the whole request.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { proxyTo, startTidegate } from '../support/gateway.ts';
import { ok, startOrigin } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';

test('an answer that comes while the content still flows reaches the client at once, and the connection closes', async (t) => {
  const origin = await startOrigin(t);
  origin.onHead = (_head, { socket }) =>
    void socket.write('HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno!');
  const gateway = await startTidegate(t, proxyTo(origin));
  const client = await connectRaw(t, gateway.port());
  void client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nsome');
  const response = await client.response();
  assert.equal(response.status, 413);
  assert.equal(response.body, 'no!');
  assert.equal(response.field('connection'), 'close');
  assert.equal(await client.closed(), '');
});

test('a client that goes on sending behind an early answer is read for a while, so that it gets the answer', async (t) => {
  const origin = await startOrigin(t);
  origin.onHead = (_head, { socket }) => void socket.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
  const gateway = await startTidegate(t, proxyTo(origin));
  const client = await connectRaw(t, gateway.port());
  void client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 400000\r\n\r\n${'x'.repeat(400_000)}`);
  assert.equal((await client.response()).status, 403);
  assert.equal(client.reader.error, undefined);
});

test('RFC 9112 9.5: the answer of an origin that closes at once, and so resets what is still sent to it, reaches the client', async (t) => {
  const origin = await startOrigin(t);
  origin.onHead = (_head, { socket }) => {
    socket.write('HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nno!');
    socket.destroy();
  };
  const gateway = await startTidegate(t, proxyTo(origin));
  for (let turn = 0; turn < 20; turn++) {
    const client = await connectRaw(t, gateway.port());
    await client.send('PATCH / HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n');
    void client.send('x'.repeat(500_000));
    const { status, body } = await client.response();
    assert.deepEqual([status, body], [413, 'no!'], `turn ${turn}`);
    client.abort();
  }
});

test('a connection to the origin with half a request on it is not used again', async (t) => {
  const origin = await startOrigin(t, () => ok('second'));
  origin.onHead = (head, { socket }) => {
    if (head.startsWith('POST')) socket.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
  };
  const gateway = await startTidegate(t, proxyTo(origin));
  const first = await connectRaw(t, gateway.port());
  void first.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nsome');
  assert.equal((await first.response()).status, 403);
  const second = await connectRaw(t, gateway.port());
  assert.equal((await second.request('GET / HTTP/1.1\r\nHost: a\r\n\r\n')).body, 'second');
  assert.equal(origin.last.connection, 1);
});

test('a refusal by a policy does not wait for the content', async (t) => {
  const origin = await startOrigin(t);
  const gateway = await startTidegate(
    t,
    `
policies: [{ type: max-body, size: 1KiB }]
${proxyTo(origin)}`,
  );
  const client = await connectRaw(t, gateway.port());
  void client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n');
  assert.equal((await client.response()).status, 413);
  assert.equal(origin.connections.length, 0);
});

test('chunked content that grows over the limit is answered 413, and the origin never gets the whole', async (t) => {
  const origin = await startOrigin(t);
  const gateway = await startTidegate(t, `policies: [{ type: max-body, size: 1KiB }]\n${proxyTo(origin)}`);
  const client = await connectRaw(t, gateway.port());
  await client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
  void client.send(`800\r\n${'x'.repeat(2048)}\r\n0\r\n\r\n`);
  assert.equal((await client.response()).status, 413);
  assert.equal(origin.requests.length, 0);
});

test('an upload goes on for as long as it moves, though the response has begun and waits', async (t) => {
  const origin = await startOrigin(t, (_request, { socket }) => void socket.write('2\r\nok\r\n0\r\n\r\n'));
  origin.onHead = (_head, { socket }) => void socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
  const gateway = await startTidegate(
    t,
    `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['${origin.address}'], timeouts: { idle: 300ms } } }
`,
  );
  const client = await connectRaw(t, gateway.port());
  await client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n');
  for (let piece = 0; piece < 20; piece++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    await client.send('x');
  }
  assert.equal((await client.response()).body, 'ok');
});
