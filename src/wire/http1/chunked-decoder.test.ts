// The chunked coding: decoded alike however it is split, rejected where two parsers could differ.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '#lib/properties.ts';
import { ChunkedDecoder } from './chunked-decoder.ts';
import { Violation } from './violation.ts';

function decode(parts: readonly string[]): { data: string; trailers: string; done: boolean; rest: number } {
  const decoder = new ChunkedDecoder(1024, 10);
  let data = '';
  let rest = 0;
  for (const part of parts) {
    const buffer = Buffer.from(part, 'latin1');
    if (decoder.done) {
      rest += buffer.length;
      continue;
    }
    decoder.decode(buffer);
    data += decoder.data.toString('latin1');
    rest += buffer.length - decoder.consumed;
  }
  return { data, trailers: decoder.trailers, done: decoder.done, rest };
}

function rejects(text: string): void {
  assert.throws(() => decode([text]), Violation, `accepted: ${JSON.stringify(text)}`);
}

test('RFC 9112 7.1: chunks are joined, the last one ends the content', () => {
  assert.deepEqual(decode(['5\r\nhello\r\n6\r\n world\r\n0\r\n\r\nNEXT']), {
    data: 'hello world',
    trailers: '',
    done: true,
    rest: 4,
  });
});

test('RFC 9112 7.1: the same bytes give the same content however they are split', () => {
  const chunks = fc.array(fc.string({ minLength: 1, maxLength: 40, unit: 'binary-ascii' }), { maxLength: 6 });
  fc.assert(
    fc.property(chunks, fc.array(fc.nat({ max: 400 }), { maxLength: 8 }), (contents, cuts) => {
      const wire = `${contents.map((content) => `${content.length.toString(16)};a=b\r\n${content}\r\n`).join('')}0\r\nX: y\r\n\r\n`;
      const points = [0, ...cuts.filter((cut) => cut < wire.length).sort((a, b) => a - b), wire.length];
      const parts = points.slice(1).map((end, i) => wire.slice(points[i], end));
      assert.deepEqual(decode(parts), { data: contents.join(''), trailers: 'X: y\r\n', done: true, rest: 0 });
    }),
  );
});

test('RFC 9112 7.1.1: extensions are read over, in bounds', () => {
  assert.equal(decode(['1;a;b=c ; d="e\\"f"\r\nx\r\n0\r\n\r\n']).data, 'x');
  rejects(`1;${'a'.repeat(2000)}\r\nx\r\n0\r\n\r\n`);
  rejects(`${'1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nx\r\n'.repeat(300)}`);
});

test('RFC 9112 7.1: a size that is not hexadecimal digits is rejected', () => {
  for (const size of [
    '',
    'g',
    '-1',
    '+1',
    '0x1',
    ' 1',
    '1 ',
    '1\t;',
    '1_',
    '1,',
    '10000000000000',
    'fffffffffffffffff',
    '1;',
    '1;=a',
    '1;a=',
    '1;a="',
  ]) {
    rejects(`${size}\r\nx\r\n0\r\n\r\n`);
  }
});

test('RFC 9112 2.2: a bare LF or CR ends no line', () => {
  rejects('1\nx\r\n0\r\n\r\n');
  rejects('1\r\nx\n0\r\n\r\n');
  rejects('1\r\nx\r\n0\n\n');
  rejects('1\rx');
  rejects('1;a\rb\r\nx\r\n0\r\n\r\n');
});

test('a chunk that is longer or shorter than its size is rejected', () => {
  rejects('1\r\nxx\r\n0\r\n\r\n');
  rejects('2\r\nx\r\n0\r\n\r\n');
});

test('RFC 9110 6.5.1: fields that would change framing are dropped from trailers', () => {
  const trailers = 'Content-Length: 9\r\nHost: evil\r\nTransfer-Encoding: gzip\r\nX-Sum: 1\r\n';
  assert.equal(decode([`0\r\n${trailers}\r\n`]).trailers, 'X-Sum: 1\r\n');
});

test('trailers are bounded and as strict as fields', () => {
  rejects(`0\r\nA: ${'x'.repeat(2000)}\r\n\r\n`);
  rejects(`0\r\n${'A: b\r\n'.repeat(11)}\r\n`);
  rejects('0\r\nA : b\r\n\r\n');
  rejects('0\r\n A: b\r\n\r\n');
});
