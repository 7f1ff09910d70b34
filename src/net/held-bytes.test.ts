// Tests of bytes that are held: they come out as they went in, and small pieces cost little.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '#lib/random.ts';
import { HeldBytes } from './held-bytes.ts';

function drain(held: HeldBytes): string {
  let text = '';
  for (let chunk = held.shift(); chunk; chunk = held.shift()) {
    assert.ok(chunk.length > 0);
    text += chunk.toString('latin1');
  }
  return text;
}

test('bytes come out in their order, whatever the sizes of the pieces they came in', () => {
  const random = seededRandom(1);
  for (let round = 0; round < 200; round++) {
    const held = new HeldBytes();
    let expected = '';
    let taken = '';
    for (let pieces = 0; pieces < 50; pieces++) {
      const size = Math.floor(random() * ([2, 300, 5000, 20_000][pieces % 4] ?? 1));
      const piece = Buffer.alloc(size, `${pieces}`);
      expected += piece.toString('latin1');
      held.push(piece);
      piece.fill(0);
      if (random() < 0.2) taken += held.shift()?.toString('latin1') ?? '';
      assert.equal(held.length, expected.length - taken.length);
    }
    assert.equal(taken + drain(held), expected);
    assert.equal(held.length, 0);
    assert.equal(held.shift(), undefined);
  }
});

test('a chunk that was taken out stays as it is when more comes', () => {
  const held = new HeldBytes();
  held.push(Buffer.from('one'));
  const first = held.shift();
  held.push(Buffer.from('two'));
  assert.equal(first?.toString(), 'one');
  assert.equal(drain(held), 'two');
});

test('a megabyte that comes octet by octet is kept in few chunks', () => {
  const held = new HeldBytes();
  for (let sent = 0; sent < 1_048_576; sent++) held.push(Buffer.from('x'));
  let chunks = 0;
  while (held.shift()) chunks++;
  assert.ok(chunks <= 64, `${chunks} chunks`);
});

test('what was cleared is gone', () => {
  const held = new HeldBytes();
  held.push(Buffer.alloc(5000));
  held.push(Buffer.alloc(5));
  held.clear();
  assert.equal(held.length, 0);
  assert.equal(held.shift(), undefined);
});
