// The right word for a mistyped one, and none where nothing is near.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '#lib/properties.ts';
import { nearest } from './nearest.ts';

const words = ['listeners', 'routes', 'upstreams', 'policies', 'workers', 'log'];

test('one letter too many, too few, wrong or swapped is understood', () => {
  for (const typo of ['routess', 'rutes', 'routed', 'ruotes', 'Routes'])
    assert.equal(nearest(typo, words), 'routes', typo);
});

test('a longer word may differ in more letters', () => {
  assert.equal(nearest('listner', words), 'listeners');
  assert.equal(nearest('upstraem', words), 'upstreams');
});

test('nothing near is nothing', () => {
  assert.equal(nearest('certificates', words), undefined);
  assert.equal(nearest('x', ['ab', 'log']), undefined);
  assert.equal(nearest('log', []), undefined);
});

test('of several the nearest wins, and of equals the first', () => {
  assert.equal(nearest('hosts', ['posts', 'hosts', 'host']), 'hosts');
  assert.equal(nearest('bat', ['cat', 'hat']), 'cat');
});

test('a candidate is its own nearest', () => {
  const word = fc.stringMatching(/^[a-z-]{1,12}$/);
  fc.assert(
    fc.property(word, fc.array(word), (own, others) => {
      assert.equal(nearest(own, [...others, own]), own);
    }),
  );
});

test('one edit of a word of four letters or more always leads back to it', () => {
  fc.assert(
    fc.property(
      fc.stringMatching(/^[a-z]{4,12}$/),
      fc.nat(),
      fc.constantFrom('insert', 'delete', 'replace', 'swap'),
      (word, index, edit) => {
        const at = index % (word.length - 1);
        const [head, rest] = [word.slice(0, at), word.slice(at)];
        const edited = {
          insert: `${head}x${rest}`,
          delete: head + rest.slice(1),
          replace: `${head}x${rest.slice(1)}`,
          swap: head + rest[1] + rest[0] + rest.slice(2),
        }[edit];
        assert.equal(nearest(edited, [word]), word);
      },
    ),
  );
});
