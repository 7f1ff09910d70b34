// Heads are found wherever they are split, and given up as soon as they are hopeless.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HeadReader } from './head-reader.ts';
import { Violation, type ViolationKind } from './violation.ts';

const HEAD = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

function rejects(kind: ViolationKind, text: string, maxBytes = 1000): void {
  const buffer = Buffer.from(text, 'latin1');
  assert.throws(
    () => new HeadReader(maxBytes).read(buffer, 0, buffer.length),
    (error) => error instanceof Violation && error.kind === kind,
  );
}

test('a head split at any byte is read as a whole, and what follows is left alone', () => {
  const wire = Buffer.from(`${HEAD}body`);
  for (let cut = 1; cut < HEAD.length; cut++) {
    const reader = new HeadReader(1000);
    assert.equal(reader.read(wire, 0, cut), -1);
    assert.equal(reader.read(wire, cut, wire.length), HEAD.length);
    assert.equal(reader.text.slice(reader.start, reader.end), HEAD);
  }
});

test('RFC 9112 2.2: one empty line before the request line is ignored, two are not', () => {
  const one = Buffer.from(`\r\n${HEAD}`);
  const reader = new HeadReader(1000);
  assert.equal(reader.read(one, 0, one.length), one.length);
  assert.equal(reader.start, 2);
  const two = Buffer.from(`\r\n\r\n${HEAD}`);
  const other = new HeadReader(1000);
  other.read(two, 0, two.length);
  assert.notEqual(other.text.slice(other.start, other.end), HEAD);
});

test('a head behind content in the same buffer is found where it starts', () => {
  const buffer = Buffer.from(`content${HEAD}`);
  const reader = new HeadReader(1000);
  assert.equal(reader.read(buffer, 7, buffer.length), buffer.length);
});

test('what cannot become a head is rejected without waiting for its end', () => {
  rejects('malformed', '\u0016\u0003\u0001');
  rejects('malformed', 'GET / HTTP/1.1\nHost: a\n\n');
  rejects('malformed', 'GET / HTTP/1.1\rHost');
});

test('a head over the limit is rejected, whether or not it ends', () => {
  rejects('head-too-large', `GET / HTTP/1.1\r\nA: ${'b'.repeat(1000)}\r\n\r\n`);
  rejects('head-too-large', `GET / HTTP/1.1\r\nA: ${'b'.repeat(1000)}`);
  rejects('target-too-long', `GET /${'b'.repeat(1000)}`);
});

test('a head of exactly the limit is read', () => {
  const buffer = Buffer.from(HEAD);
  assert.equal(new HeadReader(HEAD.length).read(buffer, 0, buffer.length), HEAD.length);
});
