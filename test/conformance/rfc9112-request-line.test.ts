// RFC 9112 2 and 3: the request line, the forms of the target, the version, Host.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shareGateway } from '../support/shared.ts';

const shared = shareGateway();
const { send, relay, sendAll } = shared;

/** A request line with a Host behind it. */
const line = (text: string, host = 'example.com') => `${text}\r\nHost: ${host}\r\n\r\n`;

test('RFC 9112 2.2: an empty line before the request line is ignored', async () => {
  assert.equal((await send(`\r\n${line('GET / HTTP/1.1')}`)).status, 200);
});

for (const [what, bytes] of [
  ['a request line that ends in a bare LF', 'GET / HTTP/1.1\nHost: example.com\r\n\r\n'],
  ['a bare LF at the end of the head', 'GET / HTTP/1.1\r\nHost: example.com\r\n\n'],
  ['a bare CR within the request line', line('GET /\rx HTTP/1.1')],
  ['white space before the method', line(' GET / HTTP/1.1')],
  ['two spaces between method and target', line('GET  / HTTP/1.1')],
  ['two spaces before the version', line('GET /  HTTP/1.1')],
  ['a space behind the version', line('GET / HTTP/1.1 ')],
  ['a tab instead of a space', line('GET\t/ HTTP/1.1')],
  ['a method that is no token', line('G@T / HTTP/1.1')],
  ['an empty method', line(' / HTTP/1.1')],
  ['a request line without a version', line('GET /')],
  ['a request line with a word too many', line('GET / x HTTP/1.1')],
  ['a version in lower case', line('GET / http/1.1')],
  ['a version with two digits', line('GET / HTTP/1.10')],
  ['a version without a minor number', line('GET / HTTP/1')],
  ['a version with a comma', line('GET / HTTP/1,1')],
  ['a target with a control character', line('GET /\x01 HTTP/1.1')],
  ['a target with a NUL', line('GET /\0 HTTP/1.1')],
  ['a target with a byte over 0x7f', line('GET /\xe4 HTTP/1.1')],
  ['a target with a fragment', line('GET /#top HTTP/1.1')],
  ['a target without a leading slash', line('GET index.html HTTP/1.1')],
  ['the asterisk with a method other than OPTIONS', line('GET * HTTP/1.1')],
  ['an absolute target with a scheme that is not ours', line('GET ftp://example.com/ HTTP/1.1')],
  ['an absolute target without a host', line('GET http:///x HTTP/1.1')],
  ['an absolute target without a host in HTTP/1.0', line('GET http:///x HTTP/1.0')],
  ['an absolute target with user information', line('GET http://user@example.com/ HTTP/1.1')],
  ['a path with a broken percent-encoding', line('GET /%zz HTTP/1.1')],
  ['a path with an encoded NUL', line('GET /a%00b HTTP/1.1')],
  ['a path with an encoded slash', line('GET /a%2Fb HTTP/1.1')],
  ['a path with an encoded backslash', line('GET /a%5cb HTTP/1.1')],
] as const) {
  test(`RFC 9112 3: ${what} is answered 400, and the connection is closed`, async () => {
    const count = shared.origin.requests.length;
    const answer = await sendAll(bytes);
    assert.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/);
    assert.match(answer, /\r\nconnection: close\r\n/i);
    assert.equal(shared.origin.requests.length, count);
  });
}

test('RFC 9112 3: bytes that are no HTTP at all are answered 400 and closed', async () => {
  assert.match(await sendAll('\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03'), /^HTTP\/1\.1 400 /);
});

for (const version of ['HTTP/2.0', 'HTTP/0.9', 'HTTP/3.0']) {
  test(`RFC 9110 15.6.6: ${version} is answered 505`, async () => {
    assert.match(await sendAll(line(`GET / ${version}`)), /^HTTP\/1\.1 505 /);
  });
}

test('RFC 9112 2.3: a higher minor version is served as HTTP/1.1', async () => {
  const { response, received } = await relay(line('GET / HTTP/1.2'));
  assert.match(response.start, /^HTTP\/1\.1 200/);
  assert.match(received?.start ?? '', / HTTP\/1\.1$/);
});

test('RFC 9112 3: a target that is too long is answered 414', async () => {
  assert.match(await sendAll(line(`GET /${'a'.repeat(9000)} HTTP/1.1`)), /^HTTP\/1\.1 414 /);
});

test('RFC 9112 3: a first line that never ends is answered 414', async () => {
  assert.match(await sendAll('a'.repeat(20_000)), /^HTTP\/1\.1 414 /);
});

test('RFC 9112 3.2: a request without Host is answered 400', async () => {
  assert.match(await sendAll('GET / HTTP/1.1\r\n\r\n'), /^HTTP\/1\.1 400 /);
});

test('RFC 9112 3.2: a request with two Host lines is answered 400', async () => {
  assert.match(await sendAll('GET / HTTP/1.1\r\nHost: a.com\r\nHost: a.com\r\n\r\n'), /^HTTP\/1\.1 400 /);
});

for (const host of [
  '',
  'a b',
  'a,b',
  'user@a.com',
  'a.com:port',
  'a.com:99999',
  'a.com/x',
  'a.com?x',
  '[::1',
  '::1',
  'a\\b',
  '%zz',
  'a.com#b',
  '[fe80::1%25eth0',
]) {
  test(`RFC 9112 3.2: Host "${host}" is answered 400`, async () => {
    assert.match(await sendAll(line('GET / HTTP/1.1', host)), /^HTTP\/1\.1 400 /);
  });
}

for (const host of [
  'example.com',
  'EXAMPLE.com',
  'example.com:8080',
  '127.0.0.1',
  '[::1]',
  '[::1]:80',
  'xn--bcher-kva.example',
  'a_b.example',
]) {
  test(`RFC 9112 3.2: Host ${host} reaches the origin as it is`, async () => {
    const { received } = await relay(line('GET / HTTP/1.1', host));
    assert.equal(received?.field('host'), host);
  });
}

test('RFC 9112 3.2.1: the target reaches the origin in origin-form with its query', async () => {
  const { received } = await relay(line('GET /a/b?x=1&y=%20z HTTP/1.1'));
  assert.equal(received?.target, '/a/b?x=1&y=%20z');
});

test('RFC 9112 3.2.2: the host of an absolute-form target stands over Host', async () => {
  const { received } = await relay(line('GET http://real.example:81/x?y HTTP/1.1', 'other.example'));
  assert.equal(received?.target, '/x?y');
  assert.equal(received?.field('host'), 'real.example:81');
});

test('RFC 9112 3.2.2: an absolute-form target without a path means /', async () => {
  const { received } = await relay(line('GET http://real.example HTTP/1.1', 'real.example'));
  assert.equal(received?.target, '/');
});

test('RFC 9112 3.2.2: the scheme of an absolute-form target is read in any case', async () => {
  assert.equal((await send(line('GET HTTP://real.example/ HTTP/1.1'))).status, 200);
});

test('RFC 9112 3.2.3, RFC 9110 9.3.6: CONNECT is refused with 405', async () => {
  const answer = await sendAll(line('CONNECT example.com:443 HTTP/1.1'));
  assert.match(answer, /^HTTP\/1\.1 405 /);
  assert.match(answer, /\r\nallow: /i);
});

test('RFC 9112 3.2.4: OPTIONS * is answered by the gateway', async () => {
  const { response, received } = await relay(line('OPTIONS * HTTP/1.1'));
  assert.equal(response.status, 204);
  assert.ok(response.field('allow'));
  assert.equal(received, undefined);
});

test('RFC 9112 3.2.4: OPTIONS of an absolute-form target without path and query means *', async () => {
  const { response, received } = await relay(line('OPTIONS http://example.com HTTP/1.1'));
  assert.equal(response.status, 204);
  assert.ok(response.field('allow'));
  assert.equal(received, undefined);
  const other = await relay(line('OPTIONS http://example.com/ HTTP/1.1'));
  assert.equal(other.received?.target, '/');
});

test('RFC 3986 6.2.2: the path is normalised before it is matched and forwarded', async () => {
  const { received } = await relay(line('GET /a/./b/../%7Ec//d?%7E HTTP/1.1'));
  assert.equal(received?.target, '/a/~c/d?%7E');
});

test('RFC 9112 2: a head that comes byte by byte is read as one', async () => {
  const client = await shared.connect();
  const sent = client.sendSplit(line('GET /slowly HTTP/1.1'));
  assert.equal((await client.response()).status, 200);
  await sent;
  assert.equal(shared.origin.last.target, '/slowly');
});
