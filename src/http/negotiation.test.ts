// Which of our own content types a client gets.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { preferredType } from './negotiation.ts';

const ours = ['application/problem+json', 'text/html'] as const;
const choose = (accept: string | undefined) => preferredType(accept, ours);

test('a client that does not say gets the first', () => {
  assert.equal(choose(undefined), 'application/problem+json');
  assert.equal(choose('*/*'), 'application/problem+json');
});

test('a browser gets HTML', () => {
  assert.equal(choose('text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'), 'text/html');
});

test('RFC 9110 12.5.1: the more specific range decides, wherever it stands', () => {
  assert.equal(choose('*/*;q=0.9, text/*;q=0.1, application/problem+json;q=0.5'), 'application/problem+json');
  assert.equal(choose('text/html;q=0.2, text/*, application/*;q=0.3'), 'application/problem+json');
});

test('RFC 9110 12.5.1: types are compared without regard to case', () => {
  assert.equal(choose('TEXT/HTML'), 'text/html');
});

test('RFC 9110 12.4.2: a weight of 0 is not acceptable', () => {
  assert.equal(choose('application/problem+json;q=0, */*;q=0.1'), 'text/html');
});

test('spaces around a weight do not matter, and other parameters are passed over', () => {
  assert.equal(choose('application/problem+json ; charset=utf-8 ; q=0.2 , text/html ; q=0.3'), 'text/html');
});

test('a client that wants none of ours gets the first', () => {
  assert.equal(choose('image/png'), 'application/problem+json');
  assert.equal(choose(''), 'application/problem+json');
});

test('nonsense does not throw and counts for nothing', () => {
  for (const accept of [',,;;', ';q=', 'text/html;q=x', 'text/html;q=NaN', '/', 'q=1', '*']) {
    assert.equal(choose(accept), 'application/problem+json', accept);
  }
  assert.equal(choose('text/html;q=Infinity, application/*;q=0.1'), 'application/problem+json');
});
