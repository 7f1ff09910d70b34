// Dropping lines from field sections as text.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '#lib/properties.ts';
import { withoutLines } from './field-lines.ts';
import { Fields } from './fields.ts';

test('lines are dropped by name in lower case and the others stay byte for byte', () => {
  const text = 'A: 1\r\nX-Old:2\r\nb:  3 \r\nx-old: 4\r\n';
  assert.equal(
    withoutLines(text, (name) => name === 'x-old'),
    'A: 1\r\nb:  3 \r\n',
  );
});

test('nothing of nothing is nothing', () => {
  assert.equal(
    withoutLines('', () => true),
    '',
  );
});

test('dropping one name is what deleting it from the fields does', () => {
  const line = fc.tuple(fc.constantFrom('a', 'A', 'b', 'B-a'), fc.constantFrom('', '1', 'a: b', ':'));
  fc.assert(
    fc.property(fc.array(line, { maxLength: 6 }), fc.constantFrom('a', 'b', 'b-a'), (lines, dropped) => {
      const fields = Fields.from(lines);
      const without = withoutLines(fields.text, (name) => name === dropped);
      fields.delete(dropped);
      assert.equal(without, fields.text);
    }),
  );
});
