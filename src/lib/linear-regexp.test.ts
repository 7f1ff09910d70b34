// Regular expressions of users: what is accepted runs in linear time, what cannot is refused with a reason.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '#lib/properties.ts';
import { compileLinearRegExp } from './linear-regexp.ts';

const LONG = 100_000;

test('backreferences, lookahead and lookbehind with groups are refused', () => {
  const refused = [
    '(a)\\1',
    '(?<x>a)\\k<x>',
    'a(?=b)',
    'a(?!b)',
    '^(?=.*[0-9]).*$',
    '(?<=(a))b',
    '(?<=(?=a).)b',
    '(a*)*\\1',
  ];
  for (const source of refused)
    assert.throws(() => compileLinearRegExp(source), /cannot be run in linear time/, source);
});

test('repetitions are counted out up to 16 times, nested ones multiplied, and repeat without bound', () => {
  for (const source of ['a{16}', 'a{2,16}', '(?:a{4}){4}', 'a{3,}', '(?:a*)+']) compileLinearRegExp(source);
  for (const source of ['a{17}', 'a{0,17}', '(?:a{4}){5}', 'a{100000}', '((a{0,100}){0,100}){0,100}']) {
    assert.throws(() => compileLinearRegExp(source), /cannot be run in linear time/, source);
  }
});

test('what is no regular expression is refused with the reason', () => {
  for (const source of ['(', '[a', '*', 'a{2,1}', '(?<x>a)(?<x>b)', '\\']) {
    assert.throws(() => compileLinearRegExp(source), /is not a regular expression: ./, source);
  }
});

test('expressions that are catastrophic elsewhere run over long inputs', () => {
  const sources = [
    '(a+)+$',
    '(a|a)*b',
    '(.*)*b',
    '(a*)*$',
    '((a+)*)*b',
    '(a|aa)+$',
    '^(([a-z])+.)+[A-Z]([a-z])+$',
    '(?:a?){8}a{8}b',
    '(?<=a*a*a*)b',
  ];
  const input = `${'a'.repeat(LONG)}!`;
  for (const source of sources) assert.equal(compileLinearRegExp(`^(?:${source})$`).test(input), false, source);
});

test('many alternatives over a long input that almost match return', () => {
  const source = Array.from({ length: 50 }, (_, i) => `(?:${'a*'.repeat(10)}b${i})`).join('|');
  assert.equal(compileLinearRegExp(source).test('a'.repeat(10_000)), false);
});

test('accepted expressions mean what they mean in JavaScript', () => {
  const sources = ['^a+b?$', '^[^/]+$', '/v(?<major>\\d+)/', 'a|ab', '^(?:a|b)*$', '\\w', '.', '^.*$', '\\bab\\b', ''];
  const inputs = ['', 'a', 'ab', 'aab', 'b', 'a/b', '/v1/users/42', '\u00e9', 'a\nb', 'A'];
  for (const source of [...sources, '(?<=a)b', '(?<!a)b', '(?<=(?:^|/)a*)b']) {
    for (const input of inputs) {
      const [found, expected] = [compileLinearRegExp(source).exec(input), new RegExp(source).exec(input)];
      assert.deepEqual(found?.slice(), expected?.slice(), source);
      assert.equal(found?.index, expected?.index, source);
    }
  }
});

test('named groups are captured', () => {
  assert.deepEqual({ ...compileLinearRegExp('^/(?<a>[^/]+)/(?<b>.*)$').exec('/x/y/z')?.groups }, { a: 'x', b: 'y/z' });
});

test('whatever the source, the outcome is an expression of the linear engine or a SyntaxError', () => {
  const part = fc.constantFrom(
    ...'ab.*+?()[]|^$\\{}2,-'.split(''),
    '\\1',
    '(?=',
    '(?:',
    '(?<n>',
    '\\d',
    '{2,}',
    '\u00e9',
    '\u{1F600}',
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 10 }), (parts) => {
      try {
        const expression = compileLinearRegExp(parts.join(''));
        assert.match(expression.flags, /l/);
        expression.test('ab'.repeat(1000));
      } catch (error) {
        assert.ok(error instanceof SyntaxError, String(error));
      }
    }),
  );
});
