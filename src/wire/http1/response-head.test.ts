// Response heads: statuses and how the end of the content is found.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { messageHead } from './message-head.ts';
import { parseResponseHead } from './response-head.ts';
import { Violation } from './violation.ts';

function parse(method: string, ...lines: string[]) {
  const text = `${lines.join('\r\n')}\r\n\r\n`;
  return parseResponseHead(messageHead(text), method, 100);
}

function rejects(...lines: string[]): void {
  assert.throws(() => parse('GET', ...lines), Violation, `accepted: ${JSON.stringify(lines)}`);
}

test('RFC 9112 4: status line with and without a reason', () => {
  assert.equal(parse('GET', 'HTTP/1.1 200 All is well').reason, 'All is well');
  assert.equal(parse('GET', 'HTTP/1.1 200 ').status, 200);
  assert.equal(parse('GET', 'HTTP/1.1 404').status, 404);
});

test('RFC 9112 4: a status line of another form is rejected', () => {
  for (const line of [
    'HTTP/1.1 20 OK',
    'HTTP/1.1 2000 OK',
    'HTTP/1.1 600 X',
    'HTTP/1.1 099 X',
    'HTTP/1.1  200 OK',
    'HTTP/2 200 OK',
    'http/1.1 200 OK',
    'ICY 200 OK',
    'HTTP/1.1 2x0 OK',
    'HTTP/1.1 200\tOK',
  ]) {
    rejects(line);
  }
  rejects('HTTP/1.1 200 O\u0001K');
});

test('RFC 9112 6.3: HEAD, 204 and 304 have no content', () => {
  assert.equal(parse('HEAD', 'HTTP/1.1 200 OK', 'Content-Length: 5').framing, 'none');
  assert.equal(parse('GET', 'HTTP/1.1 304 Not Modified', 'Content-Length: 5').framing, 'none');
  assert.equal(parse('GET', 'HTTP/1.1 204 No Content').framing, 'none');
});

test('RFC 9112 6.1: content announced in 1xx or 204 is rejected', () => {
  rejects('HTTP/1.1 204 No Content', 'Content-Length: 5');
  rejects('HTTP/1.1 204 No Content', 'Transfer-Encoding: chunked');
  rejects('HTTP/1.1 101 Switching Protocols', 'Transfer-Encoding: chunked');
});

test('RFC 9112 6.3: length, chunks, or the end of the connection', () => {
  assert.equal(parse('GET', 'HTTP/1.1 200 OK', 'Content-Length: 5').framing, 'length');
  assert.equal(parse('GET', 'HTTP/1.1 200 OK', 'Content-Length: 0').framing, 'none');
  assert.equal(parse('GET', 'HTTP/1.1 200 OK', 'Transfer-Encoding: chunked').framing, 'chunked');
  assert.equal(parse('GET', 'HTTP/1.1 200 OK').framing, 'close');
  assert.equal(parse('GET', 'HTTP/1.0 200 OK').minorVersion, 0);
});

test('framing that two recipients could read differently is rejected', () => {
  rejects('HTTP/1.1 200 OK', 'Content-Length: 5', 'Transfer-Encoding: chunked');
  rejects('HTTP/1.1 200 OK', 'Content-Length: 5', 'Content-Length: 5');
  rejects('HTTP/1.1 200 OK', 'Content-Length: 5, 5');
  rejects('HTTP/1.0 200 OK', 'Transfer-Encoding: chunked');
  rejects('HTTP/1.1 200 OK', 'Transfer-Encoding: gzip, chunked');
  rejects('HTTP/1.1 200 OK', 'Transfer-Encoding : chunked');
});
