// RFC 9112 9.8 with RFC 8446 6.1: what a TCP connection means that ends without TLS having said so, for what ends where the connection does.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { type TestContext, test } from 'node:test';
import type tls from 'node:tls';
import { startTidegate, type TestGateway } from '../support/gateway.ts';
import { connectRaw, exchange } from '../support/raw-client.ts';
import { authority, certificateFiles, connectTls } from '../support/tls.ts';
import { startCutter } from '../support/tls-cutter.ts';

const REQUEST = 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n';
const UNTIL_CLOSE = 'HTTP/1.1 200 OK\r\n\r\nhalf of it';
const WITH_LENGTH = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole';
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n0\r\n\r\n';
const UPGRADE = 'GET / HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: NAME\r\n\r\n';
const SWITCHED = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: NAME\r\n\r\nhalf of it';

type Way = 'announced' | 'cut off';

/** A gateway before an endpoint that answers what it gets with what `answer` says, then ends the connection in one of two ways. */
async function start(t: TestContext, version: tls.SecureVersion) {
  const answer: { says: string; way: Way } = { says: '', way: 'announced' };
  const endpoint = await startCutter(t, { minVersion: version, maxVersion: version }, (connection) => {
    connection.secure.once('data', () => {
      if (answer.way === 'announced') connection.secure.end(answer.says, 'latin1');
      else connection.cutOff(answer.says);
    });
  });
  const gateway = await startTidegate(
    t,
    `
listeners:
  web: { address: '127.0.0.1:0' }
  raw: { address: '127.0.0.1:0', protocol: tcp, upstream: app }
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['127.0.0.1:${endpoint.port}'], tls: { ca: '\${file:ca.pem}' } } }
`,
    { files: { 'ca.pem': authority.cert } },
  );
  return { gateway, answer };
}

/** Writes `text`; resolves with how the peer then ends: 'end', or the code of the error. */
function endAfter(socket: net.Socket, text: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  socket.once('end', () => resolve('end'));
  socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code ?? ''));
  socket.write(text);
  return promise;
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`RFC 9112 9.8, ${version}: content until the close is complete only with close_notify`, async (t) => {
    const { gateway, answer } = await start(t, version);
    answer.says = UNTIL_CLOSE;
    for (const [way, error] of [
      ['announced', undefined],
      ['cut off', 'http_response_incomplete'],
    ] as const) {
      answer.way = way;
      const client = await connectRaw(t, gateway.port('web'));
      // The gateway sends it in chunks, of which the last one says that it is whole.
      const response = client.request(REQUEST);
      if (error) await assert.rejects(response);
      else assert.equal((await response).body, 'half of it');
      const record = (await gateway.untilRecords(error ? 2 : 1)).at(-1);
      assert.equal(record?.error, error);
      if (error) assert.match(String(record?.reason), /close_notify/);
    }
  });

  test(`RFC 9112 9.8, ${version}: content that is framed is complete without close_notify`, async (t) => {
    const { gateway, answer } = await start(t, version);
    answer.way = 'cut off';
    for (const says of [WITH_LENGTH, CHUNKED]) {
      answer.says = says;
      assert.equal((await exchange(t, gateway.port('web'), REQUEST)).body, 'whole');
    }
    assert.deepEqual(
      (await gateway.untilRecords(2)).map(({ error }) => error),
      [undefined, undefined],
    );
  });

  test(`RFC 8446 6.1, ${version}: a TCP client is told by a reset that its endpoint was cut off`, async (t) => {
    const { gateway, answer } = await start(t, version);
    answer.says = 'half of it';
    for (const [way, expected] of [
      ['announced', 'end'],
      ['cut off', 'ECONNRESET'],
    ] as const) {
      answer.way = way;
      const client = await connectRaw(t, gateway.port('raw'));
      assert.equal(await endAfter(client.socket, 'hello'), expected);
    }
  });
}

test('RFC 8446 6.1: an upgraded connection that is cut off ends by a reset, unless its protocol tells where it ends', async (t) => {
  const { gateway, answer } = await start(t, 'TLSv1.3');
  answer.way = 'cut off';
  for (const [name, ending] of [
    ['other', 'ECONNRESET'],
    ['websocket', 'end'],
  ] as const) {
    answer.says = SWITCHED.replace('NAME', name);
    const client = await connectRaw(t, gateway.port('web'));
    assert.equal(await endAfter(client.socket, UPGRADE.replace('NAME', name)), ending);
  }
});

/** A TCP listener that ends TLS ahead of an endpoint which is served by `serve`. */
async function startPassage(t: TestContext, serve: (socket: net.Socket) => void): Promise<TestGateway> {
  const site = authority.issue({ names: ['localhost'] });
  const server = net.createServer(serve).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return await startTidegate(
    t,
    `
listeners:
  raw:
    address: '127.0.0.1:0'
    protocol: tcp
    upstream: app
    tls: { certificates: [{ cert: site.pem, key: site.key }] }
upstreams: { app: { endpoints: ['127.0.0.1:${(server.address() as net.AddressInfo).port}'] } }
`,
    { files: certificateFiles({ site }) },
  );
}

test('RFC 8446 6.1: an endpoint is told by a reset that a TCP client with TLS was cut off', async (t) => {
  const ends: string[] = [];
  let left = Promise.withResolvers<void>();
  const gateway = await startPassage(t, (socket) => {
    socket.on('data', () => socket.write('got it'));
    socket.on('end', () => ends.push('end'));
    socket.on('error', (error: NodeJS.ErrnoException) => ends.push(error.code ?? ''));
    socket.on('close', () => left.resolve());
  });
  for (const way of ['announced', 'cut off'] as const) {
    left = Promise.withResolvers();
    const tcp = net.connect(gateway.port(), '127.0.0.1');
    const client = await connectTls(t, 0, { socket: tcp });
    client.write('hello');
    await once(client, 'data');
    if (way === 'announced') client.end();
    else tcp.end();
    await left.promise;
  }
  assert.deepEqual(ends, ['end', 'ECONNRESET']);
});

test('an endpoint that is slow to read gets all that a client has sent before it was cut off', async (t) => {
  const sent = Buffer.alloc(4_000_000, 'all of it ');
  const outcome = Promise.withResolvers<{ readonly bytes: number; readonly end: string }>();
  const gateway = await startPassage(t, (socket) => {
    let bytes = 0;
    socket.on('data', (chunk) => {
      bytes += chunk.length;
      socket.pause();
      setImmediate(() => socket.resume());
    });
    socket.on('end', () => outcome.resolve({ bytes, end: 'end' }));
    socket.on('error', (error: NodeJS.ErrnoException) => outcome.resolve({ bytes, end: error.code ?? '' }));
  });
  const tcp = net.connect(gateway.port(), '127.0.0.1');
  const client = await connectTls(t, 0, { socket: tcp });
  client.write(sent, () => tcp.end());
  assert.deepEqual(await outcome.promise, { bytes: sent.length, end: 'ECONNRESET' });
});
