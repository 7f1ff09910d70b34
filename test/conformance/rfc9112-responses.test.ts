// RFC 9112 4, 6 and 7 on the side of the origin: what its responses may look like, and where their content ends.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OriginConnection } from '../support/origin.ts';
import { ok } from '../support/origin.ts';
import { shareGateway } from '../support/shared.ts';

const shared = shareGateway();
const { send } = shared;
const GET = 'GET / HTTP/1.1\r\nHost: example.com\r\n\r\n';
const HEAD = 'HEAD / HTTP/1.1\r\nHost: example.com\r\n\r\n';

/** Has the origin answer these bytes, and end its side if told. */
function answerWith(bytes: string, { close = false } = {}): void {
  shared.answer = (_request, { socket }: OriginConnection) => {
    if (close) socket.end(bytes, 'latin1');
    else socket.write(bytes, 'latin1');
    return undefined;
  };
}

for (const [clause, what, bytes] of [
  ['RFC 9112 4', 'a status line in lower case', 'http/1.1 200 OK\r\n\r\n'],
  ['RFC 9112 4', 'a status line without a status', 'HTTP/1.1\r\n\r\n'],
  ['RFC 9112 4', 'a status of two digits', 'HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n'],
  ['RFC 9112 4', 'a status of four digits', 'HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n'],
  ['RFC 9110 15', 'a status over 599', 'HTTP/1.1 600 OK\r\nContent-Length: 0\r\n\r\n'],
  ['RFC 9110 15', 'a status of 000', 'HTTP/1.1 000 OK\r\nContent-Length: 0\r\n\r\n'],
  ['RFC 9112 4', 'two spaces before the status', 'HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n'],
  ['RFC 9112 4', 'HTTP/2.0', 'HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n'],
  ['RFC 9112 2.2', 'a head with bare LFs', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n'],
  ['RFC 9112 4', 'a control character in the reason', 'HTTP/1.1 200 O\x01K\r\nContent-Length: 0\r\n\r\n'],
  ['RFC 9112 5.2', 'a folded field line', 'HTTP/1.1 200 OK\r\nX-A: 1\r\n 2\r\nContent-Length: 0\r\n\r\n'],
  ['RFC 9112 5.1', 'white space before a colon', 'HTTP/1.1 200 OK\r\nX-A : 1\r\nContent-Length: 0\r\n\r\n'],
  ['RFC 9110 5.5', 'a NUL in a value', 'HTTP/1.1 200 OK\r\nX-A: \0\r\nContent-Length: 0\r\n\r\n'],
  [
    'RFC 9112 6.1',
    'Transfer-Encoding with Content-Length',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  ],
  [
    'RFC 9112 6.1',
    'Transfer-Encoding in HTTP/1.0',
    'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  ],
  [
    'RFC 9112 6.1',
    'an unknown transfer coding',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
  ],
  ['RFC 9112 6.3', 'two different lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok'],
  ['RFC 9112 6.3', 'a length that is no number', 'HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok'],
  [
    'RFC 9110 7.8',
    'a 101 that nobody asked for',
    'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
  ],
  ['RFC 9112 4', 'bytes that are no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n\r\n'],
  ['RFC 9110 15.2', 'informational responses without end', 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(50)],
] as const) {
  test(`${clause}: ${what} from an origin is answered 502`, async () => {
    answerWith(bytes);
    const response = await send(GET);
    assert.equal(response.status, 502);
    assert.match(
      response.field('proxy-status') ?? '',
      /^tidegate; error=http_(?:protocol_error|upgrade_failed|response_header_section_size)/,
    );
  });
}

test('RFC 9209 2.3: a response head without end is answered 502 with its own code', async () => {
  answerWith(`HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(70_000)}`);
  const response = await send(GET);
  assert.equal(response.status, 502);
  assert.match(response.field('proxy-status') ?? '', /error=http_response_header_section_size/);
});

test('RFC 9112 4: a status line without a reason is read', async () => {
  answerWith('HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok');
  assert.equal((await send(GET)).body, 'ok');
});

test('RFC 9112 4: an unusual reason is passed on', async () => {
  answerWith('HTTP/1.1 299 All is very well\r\nContent-Length: 0\r\n\r\n');
  assert.equal((await send(GET)).start, 'HTTP/1.1 299 All is very well');
});

test('RFC 9112 6.3: content without a length ends with the connection of the origin', async () => {
  answerWith('HTTP/1.1 200 OK\r\n\r\nuntil the end', { close: true });
  const response = await send(GET);
  assert.equal(response.body, 'until the end');
  assert.equal(response.field('transfer-encoding'), 'chunked');
});

test('RFC 9112 6.3: an HTTP/1.0 response is passed on as HTTP/1.1', async () => {
  answerWith('HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok', { close: true });
  const response = await send(GET);
  assert.match(response.start, /^HTTP\/1\.1 200/);
  assert.equal(response.body, 'ok');
});

for (const status of ['204 No Content', '304 Not Modified']) {
  test(`RFC 9112 6.3: a ${status.slice(0, 3)} ends with its head`, async () => {
    answerWith(`HTTP/1.1 ${status}\r\nETag: "1"\r\n\r\n`);
    const response = await send(GET);
    assert.equal(response.status, Number(status.slice(0, 3)));
    assert.equal(response.field('transfer-encoding'), undefined);
    assert.equal(response.field('etag'), '"1"');
  });
}

test('RFC 9110 8.6: a 304 keeps the length that the content would have', async () => {
  answerWith('HTTP/1.1 304 Not Modified\r\nContent-Length: 1234\r\n\r\n');
  const client = await shared.connect();
  assert.equal((await client.request(GET)).field('content-length'), '1234');
  answerWith(ok('next'));
  assert.equal((await client.request(GET)).body, 'next');
});

test('RFC 9110 9.3.2: a response to HEAD keeps its length and has no content', async () => {
  answerWith('HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n');
  const client = await shared.connect();
  assert.equal((await client.request(HEAD)).field('content-length'), '1234');
  answerWith(ok('next'));
  assert.equal((await client.request(GET)).body, 'next');
});

test('RFC 9110 9.3.2: a response to HEAD with Transfer-Encoding ends with its head', async () => {
  answerWith('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
  const client = await shared.connect();
  assert.equal((await client.request(HEAD)).status, 200);
  answerWith(ok('next'));
  assert.equal((await client.request(GET)).body, 'next');
});

test('RFC 9112 6.3: bytes behind the content never reach the next request', async () => {
  answerWith('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil');
  assert.equal((await send(GET)).body, 'ok');
  answerWith(ok('good'));
  for (let turn = 0; turn < 5; turn++) assert.equal((await send(GET)).body, 'good');
});

test('RFC 9112 9.2: a response that nobody asked for closes the idle connection', async () => {
  answerWith(ok('first'));
  assert.equal((await send(GET)).body, 'first');
  for (const { socket } of shared.origin.connections) if (!socket.destroyed) socket.write(ok('evil'));
  answerWith(ok('good'));
  for (let turn = 0; turn < 5; turn++) assert.equal((await send(GET)).body, 'good');
});

test('RFC 9112 8: content shorter than announced leaves the client with a broken message', async () => {
  answerWith('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort', { close: true });
  const client = await shared.connect();
  void client.send(GET);
  await assert.rejects(client.response());
});

test('RFC 9112 8: chunked content without a last chunk leaves the client with a broken message', async () => {
  answerWith('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n', { close: true });
  const client = await shared.connect();
  void client.send(GET);
  await assert.rejects(client.response());
});

test('RFC 9112 7.1: a broken chunk in the middle of a response leaves the client with a broken message', async () => {
  let breakOff = () => {};
  shared.answer = (_request, { socket }) => {
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
    breakOff = () => void socket.write('xyz\r\n');
    return undefined;
  };
  const client = await shared.connect();
  void client.send(GET);
  await client.reader.until('hello');
  breakOff();
  assert.equal((await client.closed()).includes('0\r\n\r\n'), false);
});

test('RFC 9112 7.1: a chunk that is broken before the response has begun is answered 502', async () => {
  answerWith('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxyz\r\n');
  assert.equal((await send(GET)).status, 502);
});

test('RFC 9110 6.5: trailers reach a client that says TE: trailers', async () => {
  answerWith('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-T: 1\r\n\r\n');
  const response = await send('GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n');
  assert.deepEqual(response.trailers, [['X-T', '1']]);
});

test('RFC 9110 6.5.1: trailers are dropped for a client that does not', async () => {
  answerWith('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-T: 1\r\n\r\n');
  assert.deepEqual((await send(GET)).trailers, []);
});

test('RFC 9110 15.2: informational responses reach the client in order, ahead of the final one', async () => {
  answerWith(
    `HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </b.css>\r\n\r\n${ok()}`,
  );
  const client = await shared.connect();
  void client.send(GET);
  assert.equal((await client.anyResponse()).field('link'), '</a.css>');
  assert.equal((await client.anyResponse()).field('link'), '</b.css>');
  assert.equal((await client.anyResponse()).status, 200);
});

test('RFC 9112 4: a response that comes byte by byte is read as one', async () => {
  shared.answer = async (_request, { socket }) => {
    const bytes = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n0\r\nX-T: 1\r\n\r\n';
    for (const byte of bytes) {
      socket.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return undefined;
  };
  assert.equal((await send(GET)).body, 'hello');
});
