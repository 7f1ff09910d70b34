// The index of texts: finds what was added, however it was put together, and nothing else.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '#lib/properties.ts';
import { StringIndex } from './string-index.ts';

test('what was added is found, also by a text that was cut out of another', () => {
  const index = new StringIndex<number>();
  for (let i = 0; i < 10_000; i++) index.add(`h${i}.example.com`, i);
  assert.equal(index.size, 10_000);
  const message = 'Host: h4711.example.com\r\n';
  assert.equal(index.get(message.slice(6, -2)), 4711);
  assert.equal(index.get('h10000.example.com'), undefined);
});

test('a key is added once', () => {
  const index = new StringIndex<number>();
  index.add('', 1);
  assert.throws(() => index.add('', 2), /already/);
  assert.equal(index.get(''), 1);
});

test('any set of keys: the index finds what a Map finds', () => {
  const key = fc.string({ maxLength: 12 });
  fc.assert(
    fc.property(fc.uniqueArray(key, { maxLength: 100 }), fc.array(key), (keys, asked) => {
      const index = new StringIndex<number>();
      const map = new Map(keys.map((text, i) => [text, i]));
      for (const [text, i] of map) index.add(text, i);
      for (const text of [...keys, ...asked, '__proto__']) assert.equal(index.get(text), map.get(text));
    }),
  );
});
