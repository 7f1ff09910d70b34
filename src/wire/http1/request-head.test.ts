// Request heads: what RFC 9112 allows is read, what it lets a gateway reject is rejected.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { messageHead } from './message-head.ts';
import { parseRequestHead } from './request-head.ts';
import { Violation, type ViolationKind } from './violation.ts';

const LIMITS = { maxFields: 100, maxTargetBytes: 8192 };

function parse(...lines: string[]) {
  const text = `${lines.join('\r\n')}\r\n\r\n`;
  return parseRequestHead(messageHead(text), LIMITS);
}

function rejects(kind: ViolationKind, ...lines: string[]): void {
  assert.throws(
    () => parse(...lines),
    (error) => error instanceof Violation && error.kind === kind,
    `accepted, or rejected for another reason: ${JSON.stringify(lines)}`,
  );
}

test('RFC 9112 3: method, target and version are split at single spaces', () => {
  const head = parse('GET /a?b=c HTTP/1.1', 'Host: a');
  assert.equal(head.method, 'GET');
  assert.equal(head.target, '/a?b=c');
  assert.equal(head.minorVersion, 1);
});

test('RFC 9112 3: any other white space in the request line is rejected', () => {
  for (const line of [
    'GET  / HTTP/1.1',
    'GET /  HTTP/1.1',
    'GET\t/ HTTP/1.1',
    ' GET / HTTP/1.1',
    'GET / HTTP/1.1 ',
    'GET / a HTTP/1.1',
    'GET /',
    'GET',
  ]) {
    rejects('malformed', line, 'Host: a');
  }
});

test('RFC 9110 9.1: a method is a token', () => {
  assert.equal(parse('M-SEARCH / HTTP/1.1', 'Host: a').method, 'M-SEARCH');
  rejects('malformed', 'G(T / HTTP/1.1', 'Host: a');
  rejects('malformed', 'G\u00e9T / HTTP/1.1', 'Host: a');
});

test('RFC 9112 2.3: the version is HTTP/ digit . digit in upper case', () => {
  assert.equal(parse('GET / HTTP/1.0').minorVersion, 0);
  for (const version of ['http/1.1', 'HTTP/1', 'HTTP/1.1.1', 'HTTP/11', 'HTTP/a.1', 'HTTP /1.1', 'HTTP/1,1']) {
    rejects('malformed', `GET / ${version}`, 'Host: a');
  }
});

test('RFC 9110 2.5: a higher minor version is taken as 1.1, another major version is refused', () => {
  assert.equal(parse('GET / HTTP/1.9', 'Host: a').minorVersion, 1);
  rejects('version', 'GET / HTTP/2.0', 'Host: a');
  rejects('version', 'PRI * HTTP/2.0');
  rejects('version', 'GET / HTTP/0.9', 'Host: a');
});

test('RFC 9112 3.2: a target holds visible ASCII characters and no fragment', () => {
  for (const target of ['/a#b', '/\u0001', '/\u00e9', '/\u007f'])
    rejects('malformed', `GET ${target} HTTP/1.1`, 'Host: a');
});

test('a target longer than the limit is told from a head that is too large', () => {
  rejects('target-too-long', `GET /${'a'.repeat(8192)} HTTP/1.1`, 'Host: a');
});

test('RFC 9112 3.2: exactly one Host in HTTP/1.1, at most one in HTTP/1.0', () => {
  rejects('malformed', 'GET / HTTP/1.1');
  rejects('malformed', 'GET / HTTP/1.1', 'Host: a', 'Host: a');
  rejects('malformed', 'GET / HTTP/1.0', 'Host: a', 'Host: b');
  assert.equal(parse('GET / HTTP/1.0').section.host, undefined);
});

test('RFC 9112 5.1: white space between field name and colon is rejected', () => {
  rejects('malformed', 'GET / HTTP/1.1', 'Host : a');
  rejects('malformed', 'GET / HTTP/1.1', 'Host: a', 'A\t: b');
});

test('RFC 9112 5.2: a folded line is rejected', () => {
  rejects('malformed', 'GET / HTTP/1.1', 'Host: a', 'A: b', ' c');
  rejects('malformed', 'GET / HTTP/1.1', ' Host: a');
});

test('RFC 9110 5.1: a field name is a token that is not empty', () => {
  for (const line of [': a', 'a b: c', 'a@: c', 'a\u0000: c', '"a": c', 'abc'])
    rejects('malformed', 'GET / HTTP/1.1', 'Host: a', line);
});

test('RFC 9110 5.5: control characters in a field value are rejected, tabs and obs-text are kept', () => {
  for (const code of [0, 1, 8, 10, 11, 12, 13, 31, 127]) {
    rejects('malformed', 'GET / HTTP/1.1', 'Host: a', `A: b${String.fromCharCode(code)}c`);
  }
  assert.equal(parse('GET / HTTP/1.1', 'Host: a', 'A: b\tc\u00e9').section.text, 'A: b\tc\u00e9\r\n');
});

test('more fields than the limit are refused', () => {
  const fields = Array.from({ length: 100 }, (_, i) => `A${i}: b`);
  rejects('head-too-large', 'GET / HTTP/1.1', 'Host: a', ...fields);
});

test('RFC 9110 8.6: Content-Length is digits, once', () => {
  assert.equal(parse('POST / HTTP/1.1', 'Host: a', 'Content-Length: 12').framing, 'length');
  assert.equal(parse('POST / HTTP/1.1', 'Host: a', 'Content-Length:\t12 ').section.contentLength, 12);
  for (const value of [
    '',
    '+1',
    '-1',
    '1.0',
    '0x10',
    '1e3',
    '1,1',
    '1 1',
    '1, 1',
    '99999999999999999',
    '9007199254740993',
    'a',
  ]) {
    rejects('malformed', 'POST / HTTP/1.1', 'Host: a', `Content-Length: ${value}`);
  }
  rejects('malformed', 'POST / HTTP/1.1', 'Host: a', 'Content-Length: 1', 'Content-Length: 1');
});

test('RFC 9112 6.1: Content-Length together with Transfer-Encoding is rejected', () => {
  rejects('malformed', 'POST / HTTP/1.1', 'Host: a', 'Content-Length: 1', 'Transfer-Encoding: chunked');
  rejects('malformed', 'POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked', 'Content-Length: 0');
});

test('RFC 9112 6.1: Transfer-Encoding in HTTP/1.0 is rejected', () => {
  rejects('malformed', 'POST / HTTP/1.0', 'Transfer-Encoding: chunked');
});

test('RFC 9112 6.3: chunked must be the only and final transfer coding', () => {
  assert.equal(parse('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: Chunked').framing, 'chunked');
  for (const value of [
    '',
    'identity',
    'chunked, chunked',
    'chunked, gzip',
    'xchunked',
    'chunked;a=b',
    ', chunked',
    'chunked,',
    '"chunked"',
    'chunked x',
  ]) {
    rejects('malformed', 'POST / HTTP/1.1', 'Host: a', `Transfer-Encoding: ${value}`);
  }
  rejects('malformed', 'POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked');
  rejects('coding', 'POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: gzip, chunked');
});

test('RFC 9110 7.6.1: connection fields, and fields that Connection names, are taken out', () => {
  const { section } = parse(
    'GET / HTTP/1.1',
    'Host: a',
    'X-One: 1',
    'Connection: close, X-Two, TE',
    'X-Two: 2',
    'TE: trailers;q=1',
    'Keep-Alive: timeout=5, max=9',
    'Proxy-Connection: keep-alive',
    'x-two: 3',
    'X-Three: 3',
  );
  assert.equal(section.text, 'X-One: 1\r\nX-Three: 3\r\n');
  assert.equal(section.close, true);
  assert.equal(section.acceptsTrailers, true);
  assert.equal(section.keepAliveSeconds, 5);
});

test('RFC 9110 7.8: Upgrade counts only when Connection names it', () => {
  assert.equal(parse('GET / HTTP/1.1', 'Host: a', 'Upgrade: websocket').section.upgrade, '');
  assert.equal(
    parse('GET / HTTP/1.1', 'Host: a', 'Upgrade: websocket', 'Connection: Upgrade').section.upgrade,
    'websocket',
  );
});

test('Connection that is no list of tokens is rejected', () => {
  rejects('malformed', 'GET / HTTP/1.1', 'Host: a', 'Connection: a b');
});
