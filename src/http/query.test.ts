// Parameters of queries, against the URLSearchParams of the platform.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '#lib/properties.ts';
import { queryParameter } from './query.ts';

test('a parameter is found by name and decoded', () => {
  assert.equal(queryParameter('?a=1&b=x%20y+z%2B', 'b'), 'x y z+');
});

test('the first of several parameters of a name counts', () => {
  assert.equal(queryParameter('?a=1&a=2', 'a'), '1');
});

test('a parameter without a value is empty, one that does not occur is undefined', () => {
  assert.equal(queryParameter('?a&b=', 'a'), '');
  assert.equal(queryParameter('?a&b=', 'b'), '');
  assert.equal(queryParameter('?a&b=', 'c'), undefined);
  assert.equal(queryParameter('', 'a'), undefined);
  assert.equal(queryParameter('?', 'a'), undefined);
});

test('only the first equals sign separates', () => {
  assert.equal(queryParameter('?a=b=c', 'a'), 'b=c');
});

test('an encoded name is the same name', () => {
  assert.equal(queryParameter('?%61%2Bb=1', 'a+b'), '1');
});

test('a broken percent-encoding stands for itself and does not throw', () => {
  assert.equal(queryParameter('?a=%&b=%zz&c=%C3', 'a'), '%');
  assert.equal(queryParameter('?a=%&b=%zz&c=%C3', 'b'), '%zz');
  assert.equal(queryParameter('?a=%&b=%zz&c=%C3', 'c'), '%C3');
});

test('names of object properties are names like others', () => {
  assert.equal(queryParameter('?a=1', '__proto__'), undefined);
  assert.equal(queryParameter('?constructor=1', 'constructor'), '1');
});

test('valid queries are read as URLSearchParams reads them', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 5 }).filter((one) => one.isWellFormed());
  const name = fc
    .oneof(fc.constantFrom('a', 'b', 'a b', '+', '%', '=', '&', '\u00e9'), text)
    .filter((one) => one !== '');
  fc.assert(
    fc.property(fc.array(fc.tuple(name, text), { maxLength: 5 }), name, (pairs, wanted) => {
      const parameters = new URLSearchParams(pairs);
      const query = pairs.length === 0 ? '' : `?${parameters}`;
      for (const one of [wanted, ...pairs.map(([name]) => name)]) {
        assert.equal(queryParameter(query, one), parameters.get(one) ?? undefined);
      }
    }),
  );
});
