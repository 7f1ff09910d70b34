// Streams of small pieces, both ways: each arrives before the next is sent, whatever the framing; long polling; who may be silent for
// how long.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { connect, createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { proxyTo, startTidegate } from '../support/gateway.ts';
import { type OriginConnection, ok, startOrigin } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';

const EVENTS = ['data: one\n\n', ':\n\n', 'data: three\n\n', 'x', 'data: five\n\n'];

const GET = 'GET /events HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n';

/** An origin that has sent the head of an event stream, framed so, and waits for what it is to send. */
async function startStream(t: TestContext, framing: string) {
  const origin = await startOrigin(t, (_request, { socket }) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n${framing}\r\n`);
    return undefined;
  });
  const stream = async () => {
    await origin.untilConnected();
    return (origin.connections[0] as OriginConnection).socket;
  };
  return { origin, stream };
}

const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

for (const [what, framing, frame] of [
  ['chunks', 'Transfer-Encoding: chunked\r\n', chunk],
  ['content up to the close', 'Connection: close\r\n', (text: string) => text],
  ['content of a length', `Content-Length: ${EVENTS.join('').length}\r\n`, (text: string) => text],
] as const) {
  test(`each event in ${what} is with the client before the next one is sent`, async (t) => {
    const { origin, stream } = await startStream(t, framing);
    const gateway = await startTidegate(t, proxyTo(origin));
    const client = await connectRaw(t, gateway.port());
    await client.send(GET);
    // The head comes without any content to go with it.
    const head = await client.reader.head();
    assert.match(head, /^HTTP\/1\.1 200 /);
    const isChunked = /transfer-encoding: chunked/.test(head);
    const socket = await stream();
    for (const event of EVENTS) {
      socket.write(frame(event));
      const expected = isChunked ? chunk(event) : event;
      assert.equal(await client.reader.bytes(expected.length), expected);
    }
  });
}

test('each byte of a chunk that comes slowly is with the client before the next one is sent', async (t) => {
  const { origin, stream } = await startStream(t, 'Transfer-Encoding: chunked\r\n');
  const gateway = await startTidegate(t, proxyTo(origin));
  const client = await connectRaw(t, gateway.port());
  await client.send(GET);
  await client.reader.head();
  const socket = await stream();
  socket.write('8\r\n');
  for (const byte of '12345678') {
    socket.write(byte);
    assert.equal(await client.reader.bytes(6), chunk(byte));
  }
});

test('an HTTP/1.0 client gets each event at once too', async (t) => {
  const { origin, stream } = await startStream(t, 'Transfer-Encoding: chunked\r\n');
  const gateway = await startTidegate(t, proxyTo(origin));
  const client = await connectRaw(t, gateway.port());
  await client.send('GET /events HTTP/1.0\r\nHost: a\r\n\r\n');
  await client.reader.head();
  const socket = await stream();
  for (const event of EVENTS) {
    socket.write(chunk(event));
    assert.equal(await client.reader.bytes(event.length), event);
  }
});

test('over HTTP/2 each event is with the client before the next one is sent', async (t) => {
  const { origin, stream } = await startStream(t, 'Transfer-Encoding: chunked\r\n');
  const gateway = await startTidegate(t, proxyTo(origin));
  const session = connect(`http://127.0.0.1:${gateway.port()}`);
  t.after(() => session.destroy());
  const request = session.request({ ':path': '/events' });
  request.setEncoding('latin1');
  // When the test is over the origin goes first. Before, whoever waits hears of an error too.
  request.on('error', () => {});
  await once(request, 'response');
  const socket = await stream();
  for (const event of EVENTS) {
    socket.write(chunk(event));
    assert.deepEqual(await once(request, 'data'), [event]);
  }
});

for (const [what, head, frame] of [
  ['chunks', 'Transfer-Encoding: chunked\r\n', chunk],
  ['content of a length', `Content-Length: ${EVENTS.join('').length}\r\n`, (text: string) => text],
] as const) {
  test(`each piece of an upload in ${what} is with the origin before the next one is sent`, async (t) => {
    const origin = await startOrigin(t, undefined, { onConnection: () => {} });
    const gateway = await startTidegate(t, proxyTo(origin));
    const client = await connectRaw(t, gateway.port());
    await client.send(`POST /up HTTP/1.1\r\nHost: a\r\n${head}\r\n`);
    await origin.untilConnected();
    const { reader } = origin.connections[0] as OriginConnection;
    await reader.head();
    for (const piece of EVENTS) {
      await client.send(frame(piece));
      assert.equal(await reader.bytes(frame(piece).length), frame(piece));
    }
  });
}

/** A gateway that wants request content fast, and an origin that answers ahead of it, with a stream. */
async function startBothWays(t: TestContext) {
  const origin = await startOrigin(t);
  origin.onHead = (_head, { socket }) =>
    void socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nTransfer-Encoding: chunked\r\n\r\n');
  const listeners = `listeners: { web: { address: '127.0.0.1:0', timeouts: { body: 2s } } }\n`;
  return { origin, gateway: await startTidegate(t, listeners + proxyTo(origin)) };
}

const longerThanBody = () => new Promise((resolve) => setTimeout(resolve, 3000));

test('both sides of a stream that goes both ways may be silent for longer than timeouts.body, once the response has begun', async (t) => {
  const { origin, gateway } = await startBothWays(t);
  const client = await connectRaw(t, gateway.port());
  await client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
  await client.reader.head();
  const { socket, reader } = origin.connections[0] as OriginConnection;
  await longerThanBody();
  socket.write(chunk('tick'));
  assert.equal(await client.reader.bytes(9), chunk('tick'));
  await client.send(chunk('still here'));
  await reader.until('still here');
});

test('the same over HTTP/2', async (t) => {
  const { origin, gateway } = await startBothWays(t);
  const session = connect(`http://127.0.0.1:${gateway.port()}`);
  t.after(() => session.destroy());
  const request = session.request({ ':method': 'POST', ':path': '/' });
  request.on('error', () => {});
  request.setEncoding('latin1');
  request.write('hello');
  await once(request, 'response');
  const { socket, reader } = origin.connections[0] as OriginConnection;
  await longerThanBody();
  socket.write(chunk('tick'));
  assert.deepEqual(await once(request, 'data'), ['tick']);
  request.write('still here');
  await reader.until('still here');
});

for (const path of ['/events', '/silent']) {
  test(`a client that leaves ${path === '/events' ? 'a stream of events' : 'ahead of the response'} is gone for the origin too`, async (t) => {
    const closed = Promise.withResolvers<void>();
    const server = createServer((request, response: ServerResponse) => {
      response.on('close', () => closed.resolve());
      if (request.url === '/events')
        response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
      reached.resolve();
    });
    const reached = Promise.withResolvers<void>();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.closeAllConnections());
    t.after(() => server.close());
    const gateway = await startTidegate(t, proxyTo({ address: `127.0.0.1:${(server.address() as AddressInfo).port}` }));
    const client = await connectRaw(t, gateway.port());
    await client.send(GET.replace('/events', path));
    await reached.promise;
    if (path === '/events') await client.reader.until('data: 1\n\n');
    client.abort();
    await closed.promise;
    const [record] = await gateway.untilRecords(1);
    assert.deepEqual([record?.ended_by, record?.error], ['client', 'client-closed']);
  });
}

/** An upstream that is patient with streams and nothing else. */
const impatient = (address: string, route = '', stream = '10m') => `
routes: [{ name: all, upstream: app${route} }]
upstreams:
  app: { endpoints: ['${address}'], timeouts: { idle: 300ms, stream-idle: ${stream} } }
`;

for (const type of ['text/event-stream', 'text/event-stream; charset=utf-8', 'application/grpc+proto']) {
  test(`${type} may be silent for longer than timeouts.idle`, async (t) => {
    const origin = await startOrigin(t, async (_request, { socket }) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n`);
      await new Promise((resolve) => setTimeout(resolve, 1000));
      return `${chunk('late')}0\r\n\r\n`;
    });
    const gateway = await startTidegate(t, impatient(origin.address));
    const client = await connectRaw(t, gateway.port());
    assert.equal((await client.request(GET)).body, 'late');
  });
}

test('so may an event stream over HTTP/2', async (t) => {
  const server = createHttp2Server();
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.respond({ ':status': 200, 'content-type': 'text/event-stream' });
    setTimeout(() => stream.end('late'), 1000);
  });
  server.on('session', (session) => t.after(() => session.destroy()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const gateway = await startTidegate(t, impatient(address).replace('app: {', 'app: { protocol: http2,'));
  const client = await connectRaw(t, gateway.port());
  assert.equal((await client.request(GET)).body, 'late');
});

test('other content may not, nor a stream for longer than timeouts.stream-idle', async (t) => {
  const origin = await startOrigin(t, ({ target }, { socket }) => {
    const type = target === '/events' ? 'text/event-stream' : 'text/plain';
    socket.write(`HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n`);
    return undefined;
  });
  const gateway = await startTidegate(t, impatient(origin.address, '', '600ms'));
  for (const path of ['/events', '/plain']) {
    const client = await connectRaw(t, gateway.port());
    await client.send(GET.replace('/events', path));
    await client.closed();
  }
  const records = await gateway.untilRecords(2);
  assert.deepEqual(
    records.map(({ error }) => error),
    ['http_response_timeout', 'http_response_timeout'],
  );
});

test('a route with a first-byte of its own waits for as long as its polls take, and others do not', async (t) => {
  const answer = async () => {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    return ok('late');
  };
  const [first, second] = [await startOrigin(t, answer), await startOrigin(t, answer)];
  const gateway = await startTidegate(
    t,
    `
routes:
  - { name: poll, match: { path: /poll }, upstream: app, timeouts: { first-byte: 1m } }
  - { name: part, match: { path: /part }, upstream: { name: app, subset: { v: b } }, timeouts: { first-byte: 1m } }
  - { name: all, upstream: app }
upstreams:
  app:
    endpoints: ['${first.address}', { address: '${second.address}', labels: { v: b } }]
    timeouts: { first-byte: 300ms }
    retry: { attempts: 1 }
`,
  );
  const ask = async (path: string) => {
    const client = await connectRaw(t, gateway.port());
    return (await client.request(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)).status;
  };
  const statuses = await Promise.all(['/poll', '/part', '/part', '/other'].map(ask));
  assert.deepEqual(statuses, [200, 200, 200, 504]);
  assert.ok(second.requests.filter(({ target }) => target === '/part').length === 2);
});

test('a route with an idle time of its own lets its responses stand still', async (t) => {
  const origin = await startOrigin(t, async (_request, { socket }) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n');
    await new Promise((resolve) => setTimeout(resolve, 1000));
    return 'late';
  });
  const gateway = await startTidegate(t, impatient(origin.address, ', timeouts: { idle: 1m }'));
  const client = await connectRaw(t, gateway.port());
  assert.equal((await client.request(GET)).body, 'late');
});
