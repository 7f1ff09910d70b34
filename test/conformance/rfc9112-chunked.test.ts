// RFC 9112 7.1: chunked content of requests.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ok } from '../support/origin.ts';
import { shareGateway } from '../support/shared.ts';

const shared = shareGateway();
const { relay, sendAll } = shared;
shared.answer = ({ body }) => ok(body);

const chunked = (body: string, fields = '') =>
  `POST / HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\n${fields}\r\n${body}`;

for (const [what, body] of [
  ['a size that is no number', 'x\r\nhello\r\n0\r\n\r\n'],
  ['an empty size', '\r\nhello\r\n0\r\n\r\n'],
  ['a sign before the size', '+5\r\nhello\r\n0\r\n\r\n'],
  ['a negative size', '-5\r\nhello\r\n0\r\n\r\n'],
  ['0x before the size', '0x5\r\nhello\r\n0\r\n\r\n'],
  ['a space before the size', ' 5\r\nhello\r\n0\r\n\r\n'],
  ['a space behind the size', '5 \r\nhello\r\n0\r\n\r\n'],
  ['an underscore in the size', '1_0\r\n0123456789abcdef\r\n0\r\n\r\n'],
  ['a size that overflows 64 bits', '10000000000000005\r\nhello\r\n0\r\n\r\n'],
  ['a size of forty digits', `${'f'.repeat(40)}\r\nhello\r\n0\r\n\r\n`],
  ['a size line that ends in a bare LF', '5\nhello\r\n0\r\n\r\n'],
  ['a size line that ends in a bare CR', '5\rhello\r\n0\r\n\r\n'],
  ['no CRLF behind the content', '5\r\nhello0\r\n\r\n'],
  ['a bare LF behind the content', '5\r\nhello\n0\r\n\r\n'],
  ['more content than the size says', '4\r\nhello\r\n0\r\n\r\n'],
  ['a bare LF in an extension', '5;a=b\nhello\r\n0\r\n\r\n'],
  ['a bare CR in an extension', '5;a\rb\r\nhello\r\n0\r\n\r\n'],
  ['a control character in an extension', '5;a=\x01\r\nhello\r\n0\r\n\r\n'],
  ['an extension without a semicolon', '5 a=b\r\nhello\r\n0\r\n\r\n'],
  ['an extension of 20 KiB', `5;a=${'b'.repeat(20_000)}\r\nhello\r\n0\r\n\r\n`],
  ['a trailer that is folded', '0\r\nX-A: 1\r\n 2\r\n\r\n'],
  ['a trailer without a colon', '0\r\nX-A\r\n\r\n'],
  ['a trailer that ends in a bare LF', '0\r\nX-A: 1\n\r\n'],
  ['white space before a trailer', '0\r\n X-A: 1\r\n\r\n'],
] as const) {
  test(`RFC 9112 7.1: ${what} is answered 400, and the connection is closed`, async () => {
    assert.match(await sendAll(chunked(body)), /^HTTP\/1\.1 400 Bad Request\r\n/);
  });
}

for (const [what, body] of [
  ['hexadecimal sizes in either case', 'a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n'],
  ['leading zeros', '0000a\r\n0123456789\r\n000A\r\n0123456789\r\n00\r\n\r\n'],
  ['extensions', 'a;a=b;c="d;e"\r\n0123456789\r\na;x\r\n0123456789\r\n0;last\r\n\r\n'],
] as const) {
  test(`RFC 9112 7.1: ${what} are read, and not forwarded`, async () => {
    const { response, received } = await relay(chunked(body));
    assert.equal(response.body, '01234567890123456789');
    assert.equal(received?.body, '01234567890123456789');
  });
}

test('RFC 9112 7.1: chunked content that comes byte by byte is read as one', async () => {
  const client = await shared.connect();
  const sent = client.sendSplit(chunked('5;x\r\nhello\r\n6\r\n world\r\n0\r\nX-T: 1\r\n\r\n'));
  assert.equal((await client.response()).body, 'hello world');
  await sent;
});

test('RFC 9112 7.1.2: trailers reach the origin', async () => {
  const { received } = await relay(chunked('2\r\nok\r\n0\r\nX-Checksum: abc\r\n\r\n', 'Trailer: X-Checksum\r\n'));
  assert.deepEqual(received?.trailers, [['X-Checksum', 'abc']]);
});

for (const name of [
  'Content-Length',
  'Transfer-Encoding',
  'Host',
  'Connection',
  'Authorization',
  'Content-Encoding',
  'Content-Type',
  'Content-Range',
  'Trailer',
  'Expect',
]) {
  test(`RFC 9110 6.5.1: ${name} in a trailer is refused or dropped, never forwarded`, async () => {
    const count = shared.origin.requests.length;
    const client = await shared.connect();
    const response = await client.request(chunked(`2\r\nok\r\n0\r\n${name}: 1\r\n\r\n`));
    if (response.status !== 400) assert.deepEqual(shared.origin.requests[count]?.trailers, [], String(response.status));
  });
}

test('RFC 9112 7.1: trailers over the limit of a head are refused', async () => {
  const answer = await sendAll(chunked(`0\r\nX-A: ${'a'.repeat(20_000)}\r\n\r\n`));
  assert.match(answer, /^HTTP\/1\.1 4(?:00|31) /);
});

test('RFC 9112 7.1: the request behind the last chunk is read', async () => {
  const client = await shared.connect();
  void client.send(chunked('2\r\nok\r\n0\r\n\r\n') + chunked('3\r\nyes\r\n0\r\n\r\n'));
  assert.equal((await client.response()).body, 'ok');
  assert.equal((await client.response()).body, 'yes');
});
