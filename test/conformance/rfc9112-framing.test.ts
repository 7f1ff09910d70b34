// RFC 9112 6: where the content of a request ends. Every doubt is refused, since the endpoint could take the other view.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ok } from '../support/origin.ts';
import { shareGateway } from '../support/shared.ts';

const shared = shareGateway();
const { relay, sendAll } = shared;
shared.answer = ({ body }) => ok(body);

const post = (lines: string, body = '', version = 'HTTP/1.1') =>
  `POST / ${version}\r\nHost: example.com\r\n${lines}\r\n\r\n${body}`;
const CHUNKED = '5\r\nhello\r\n0\r\n\r\n';

for (const [clause, what, bytes] of [
  [
    'RFC 9112 6.1',
    'Transfer-Encoding with Content-Length',
    post('Transfer-Encoding: chunked\r\nContent-Length: 5', CHUNKED),
  ],
  [
    'RFC 9112 6.1',
    'Content-Length with Transfer-Encoding',
    post('Content-Length: 5\r\nTransfer-Encoding: chunked', CHUNKED),
  ],
  ['RFC 9112 6.1', 'Transfer-Encoding in HTTP/1.0', post('Transfer-Encoding: chunked', CHUNKED, 'HTTP/1.0')],
  ['RFC 9112 6.3', 'a coding behind chunked', post('Transfer-Encoding: chunked, gzip', CHUNKED)],
  ['RFC 9112 7.1', 'chunked twice in one line', post('Transfer-Encoding: chunked, chunked', CHUNKED)],
  [
    'RFC 9112 7.1',
    'chunked twice in two lines',
    post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', CHUNKED),
  ],
  ['RFC 9112 6.1', 'an unknown coding alone', post('Transfer-Encoding: xchunked', CHUNKED)],
  ['RFC 9112 6.1', 'chunked in quotes', post('Transfer-Encoding: "chunked"', CHUNKED)],
  ['RFC 9112 6.1', 'chunked with a parameter', post('Transfer-Encoding: chunked;q=1', CHUNKED)],
  ['RFC 9112 6.1', 'an empty Transfer-Encoding', post('Transfer-Encoding:', CHUNKED)],
  ['RFC 9112 6.1', 'an empty member before chunked', post('Transfer-Encoding: , chunked', CHUNKED)],
  ['RFC 9112 6.1', 'a vertical tab before chunked', post('Transfer-Encoding: \x0bchunked', CHUNKED)],
  ['RFC 9112 6.1', 'a form feed behind chunked', post('Transfer-Encoding: chunked\x0c', CHUNKED)],
  ['RFC 9112 6.1', 'a NO-BREAK SPACE before chunked', post('Transfer-Encoding: \xa0chunked', CHUNKED)],
  ['RFC 9112 6.1', 'identity', post('Transfer-Encoding: identity', '')],
  [
    'RFC 9112 6.1',
    'Transfer-Encoding with an underscore beside it',
    post('Transfer-Encoding: chunked, identity', CHUNKED),
  ],
  ['RFC 9112 6.2', 'a sign before Content-Length', post('Content-Length: +5', 'hello')],
  ['RFC 9112 6.2', 'a negative Content-Length', post('Content-Length: -1', '')],
  ['RFC 9112 6.3', 'a list of equal lengths', post('Content-Length: 5, 5', 'hello')],
  ['RFC 9112 6.3', 'two equal Content-Length lines', post('Content-Length: 5\r\nContent-Length: 5', 'hello')],
  ['RFC 9112 6.3', 'two different Content-Length lines', post('Content-Length: 5\r\nContent-Length: 6', 'hello')],
  ['RFC 9112 6.2', 'two numbers in Content-Length', post('Content-Length: 5 5', 'hello')],
  ['RFC 9112 6.2', 'a hexadecimal Content-Length', post('Content-Length: 0x5', 'hello')],
  ['RFC 9112 6.2', 'a decimal point in Content-Length', post('Content-Length: 5.0', 'hello')],
  ['RFC 9112 6.2', 'an exponent in Content-Length', post('Content-Length: 5e0', 'hello')],
  ['RFC 9112 6.2', 'an empty Content-Length', post('Content-Length:', '')],
  ['RFC 9112 6.2', 'a Content-Length beyond 2^53', post('Content-Length: 9007199254740993', '')],
  ['RFC 9112 6.2', 'a Content-Length of thirty digits', post(`Content-Length: ${'9'.repeat(30)}`, '')],
  ['RFC 9112 6.2', 'a comma behind Content-Length', post('Content-Length: 5,', 'hello')],
  ['RFC 9112 6.2', 'a letter behind Content-Length', post('Content-Length: 5a', 'hello')],
] as const) {
  test(`${clause}: ${what} is answered 400, and nothing is forwarded`, async () => {
    const count = shared.origin.requests.length;
    const answer = await sendAll(bytes);
    assert.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/);
    assert.match(answer, /\r\nconnection: close\r\n/i);
    assert.equal(shared.origin.requests.length, count);
  });
}

test('RFC 9112 6.1: a known coding before chunked is answered 501', async () => {
  assert.match(await sendAll(post('Transfer-Encoding: gzip, chunked', CHUNKED)), /^HTTP\/1\.1 501 /);
});

test('RFC 9112 6.2: content of the announced length is forwarded, and the next request begins behind it', async () => {
  const client = await shared.connect();
  void client.send(post('Content-Length: 5', 'hello') + post('Content-Length: 3', 'you'));
  assert.equal((await client.response()).body, 'hello');
  assert.equal((await client.response()).body, 'you');
});

test('RFC 9112 6.2: leading zeros do not change a length', async () => {
  assert.equal((await relay(post('Content-Length: 005', 'hello'))).response.body, 'hello');
});

test('RFC 9112 6.3: a request without Content-Length and Transfer-Encoding has no content', async () => {
  const client = await shared.connect();
  void client.send(post('X-A: 1', post('Content-Length: 2', 'me')));
  assert.equal((await client.response()).body, '');
  assert.equal((await client.response()).body, 'me');
});

test('RFC 9112 7: chunked is read in any case', async () => {
  assert.equal((await relay(post('Transfer-Encoding: ChunKED', CHUNKED))).response.body, 'hello');
});

test('RFC 9112 6.1: chunked content is forwarded in chunks', async () => {
  const { received } = await relay(post('Transfer-Encoding: chunked', CHUNKED));
  assert.equal(received?.field('transfer-encoding'), 'chunked');
  assert.equal(received?.field('content-length'), undefined);
  assert.equal(received?.body, 'hello');
});

test('RFC 9110 8.6: a POST without content says so to the origin', async () => {
  const { received } = await relay(post('X-A: 1'));
  assert.equal(received?.field('content-length'), '0');
});

test('RFC 9110 9.3.1: content of a GET is forwarded as it was framed', async () => {
  const { received } = await relay('GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nme');
  assert.equal(received?.body, 'me');
  assert.equal(received?.field('content-length'), '2');
});
