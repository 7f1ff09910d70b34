// RFC 9112 9: which connections stay, which close, and in what order responses come.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ok } from '../support/origin.ts';
import { shareGateway } from '../support/shared.ts';

const shared = shareGateway();
shared.answer = ({ target }) => ok(target);

const get = (path: string, fields = '', version = 'HTTP/1.1') =>
  `GET ${path} ${version}\r\nHost: example.com\r\n${fields}\r\n`;

test('RFC 9112 9.3: a connection stays for the next request', async () => {
  const client = await shared.connect();
  assert.equal((await client.request(get('/1'))).body, '/1');
  assert.equal((await client.request(get('/2'))).body, '/2');
});

test('RFC 9112 9.6: Connection: close of the client closes behind the response', async () => {
  const client = await shared.connect();
  const response = await client.request(get('/1', 'Connection: close\r\n'));
  assert.equal(response.body, '/1');
  assert.equal(response.field('connection'), 'close');
  assert.equal(await client.closed(), '');
});

test('RFC 9110 7.6.1: close is found in a list and in any case', async () => {
  const client = await shared.connect();
  assert.equal((await client.request(get('/1', 'Connection: x-a, CLOSE\r\n'))).field('connection'), 'close');
  assert.equal(await client.closed(), '');
});

test('RFC 9112 9.6: nothing behind a request with Connection: close is answered', async () => {
  const client = await shared.connect();
  const count = shared.origin.requests.length;
  void client.send(get('/1', 'Connection: close\r\n') + get('/2'));
  assert.equal((await client.response()).body, '/1');
  assert.equal(await client.closed(), '');
  assert.equal(shared.origin.requests.length, count + 1);
});

test('RFC 9112 9.6: Connection: close of the origin is not the client’s', async () => {
  shared.answer = ({ target }) => ok(target, 'Connection: close\r\n');
  const client = await shared.connect();
  const response = await client.request(get('/1'));
  assert.equal(response.field('connection'), undefined);
  shared.answer = ({ target }) => ok(target);
  assert.equal((await client.request(get('/2'))).body, '/2');
});

test('RFC 9112 9.3: HTTP/1.0 closes behind the response', async () => {
  const client = await shared.connect();
  assert.equal((await client.request(get('/1', '', 'HTTP/1.0'))).body, '/1');
  assert.equal(await client.closed(), '');
});

test('RFC 9112 9.3: HTTP/1.0 with keep-alive stays, and is told so', async () => {
  const client = await shared.connect();
  const response = await client.request(get('/1', 'Connection: keep-alive\r\n', 'HTTP/1.0'));
  assert.equal(response.field('connection'), 'keep-alive');
  assert.equal((await client.request(get('/2', '', 'HTTP/1.0'))).body, '/2');
});

test('RFC 9112 3.2: HTTP/1.0 needs no Host', async () => {
  const client = await shared.connect();
  assert.equal((await client.request('GET /old HTTP/1.0\r\n\r\n')).body, '/old');
});

test('RFC 9112 7: HTTP/1.0 gets no chunked content, but the end of the connection', async () => {
  shared.answer = () => 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n';
  const client = await shared.connect();
  const response = await client.request(get('/1', 'Connection: keep-alive\r\n', 'HTTP/1.0'), { untilClose: true });
  shared.answer = ({ target }) => ok(target);
  assert.equal(response.field('transfer-encoding'), undefined);
  assert.notEqual(response.field('connection'), 'keep-alive');
  assert.equal(response.body, 'hello');
});

test('RFC 9110 15.2: HTTP/1.0 gets no informational response', async () => {
  shared.answer = ({ target }) => `HTTP/1.1 103 Early Hints\r\n\r\n${ok(target)}`;
  const client = await shared.connect();
  void client.send(get('/1', '', 'HTTP/1.0'));
  const response = await client.anyResponse();
  shared.answer = ({ target }) => ok(target);
  assert.equal(response.status, 200);
});

test('RFC 9112 9.3.2: pipelined requests are answered in their order, however slow the first is', async () => {
  shared.answer = async ({ target }) => {
    if (target === '/0') await new Promise((resolve) => setTimeout(resolve, 50));
    return ok(target);
  };
  const client = await shared.connect();
  void client.send(Array.from({ length: 20 }, (_, index) => get(`/${index}`)).join(''));
  for (let index = 0; index < 20; index++) assert.equal((await client.response()).body, `/${index}`);
  shared.answer = ({ target }) => ok(target);
});

test('RFC 9112 9.3.2: pipelined requests with content are kept apart', async () => {
  shared.answer = ({ body }) => ok(body);
  const client = await shared.connect();
  const posts = ['one', 'two', 'x'.repeat(30_000), 'four'].map(
    (body) => `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  void client.send(posts.join(''));
  for (const length of [3, 3, 30_000, 4]) assert.equal((await client.response()).body.length, length);
  shared.answer = ({ target }) => ok(target);
});

test('RFC 9112 9.3.2: a malformed request ends the pipeline, and what came before it is answered', async () => {
  const client = await shared.connect();
  const count = shared.origin.requests.length;
  void client.send(`${get('/1')}GET /\x01 HTTP/1.1\r\n\r\n${get('/3')}`);
  assert.equal((await client.response()).body, '/1');
  assert.equal((await client.response()).status, 400);
  assert.equal(await client.closed(), '');
  assert.equal(shared.origin.requests.length, count + 1);
});

test('RFC 9112 9.6: a client that ends its side still gets the response', async () => {
  shared.answer = async ({ target }) => {
    await new Promise((resolve) => setTimeout(resolve, 30));
    return ok(target);
  };
  const client = await shared.connect();
  void client.send(get('/half'));
  client.end();
  assert.equal((await client.response()).body, '/half');
  assert.equal(await client.closed(), '');
  shared.answer = ({ target }) => ok(target);
});

test('RFC 9112 9.6: the gateway closes its side first and reads on, so that the answer is not lost', async () => {
  const client = await shared.connect();
  void client.send(`GET /\x01 HTTP/1.1\r\n\r\n${'x'.repeat(100_000)}`);
  assert.equal((await client.response()).status, 400);
  assert.equal(await client.closed(), '');
  assert.equal(client.reader.error, undefined);
});

test('RFC 9112 9.3: the limit of requests on a connection is told by close', async () => {
  const client = await shared.connect();
  // The default is 10,000; a refused request closes too, so here it is enough to see that many in a row are served.
  for (let index = 0; index < 200; index++)
    assert.equal((await client.request(get(`/${index}`))).field('connection'), undefined);
});
