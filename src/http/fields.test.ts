// Fields against the simplest model there is, an array of lines: what is read and what is written back after edits.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '#lib/properties.ts';
import { Fields, isFieldName, isFieldValue, isFramingField, trimOws } from './fields.ts';

test('a field is found whatever the case of its name on the wire', () => {
  const fields = new Fields('Content-Type: text/html\r\nX-ID: 7\r\n');
  assert.equal(fields.get('content-type'), 'text/html');
  assert.equal(fields.get('x-id'), '7');
  assert.equal(fields.has('x-id'), true);
});

test('an absent field is undefined, also when another name ends or begins like it', () => {
  const fields = new Fields('x-token: a\r\ntoken-x: b\r\n');
  assert.equal(fields.get('token'), undefined);
  assert.equal(fields.has('x'), false);
  assert.equal(new Fields().get('token'), undefined);
});

test('a name that occurs within a value is not found', () => {
  const fields = new Fields('a: b:c, x-secret: 1\r\n');
  assert.equal(fields.get('b'), undefined);
  assert.equal(fields.get('x-secret'), undefined);
});

test('RFC 9110 5.3: several lines of a field are one value joined by commas, in order', () => {
  const fields = new Fields('Accept: a\r\nb: 2\r\naccept: c\r\nACCEPT: d\r\n');
  assert.equal(fields.get('accept'), 'a, c, d');
  assert.deepEqual(fields.getAll('accept'), ['a', 'c', 'd']);
});

test('an empty value is a value', () => {
  const fields = new Fields('a:\r\nb: \r\n');
  assert.equal(fields.get('a'), '');
  assert.equal(fields.get('b'), '');
  assert.equal(fields.has('a'), true);
});

test('RFC 9110 5.5: spaces and tabs around a value are not part of it, other bytes are', () => {
  const fields = new Fields('a: \t x y\t \r\nb: \u00a0x\u00a0\r\n');
  assert.equal(fields.get('a'), 'x y');
  assert.equal(fields.get('b'), '\u00a0x\u00a0');
});

test('set replaces every line of the field by one at the end', () => {
  const fields = new Fields('A: 1\r\nB: 2\r\na: 3\r\n');
  fields.set('a', '4');
  assert.equal(fields.text, 'B: 2\r\na: 4\r\n');
});

test('delete removes every line of the field and says whether there was one', () => {
  const fields = new Fields('A: 1\r\na: 2\r\nB: 2\r\nA: 3\r\n');
  assert.equal(fields.delete('a'), true);
  assert.equal(fields.text, 'B: 2\r\n');
  assert.equal(fields.delete('a'), false);
});

test('a clone is not touched by edits of the original', () => {
  const fields = new Fields('a: 1\r\n');
  const clone = fields.clone();
  fields.set('a', '2');
  assert.equal(clone.get('a'), '1');
});

test('fields that frame a message or belong to a connection cannot be added', () => {
  const framing = ['connection', 'content-length', 'host', 'keep-alive', 'te', 'transfer-encoding', 'upgrade'];
  for (const name of framing) {
    assert.equal(isFramingField(name), true);
    assert.throws(() => new Fields().append(name, '1'), TypeError);
    assert.throws(() => new Fields().set(name, '1'), TypeError);
  }
});

test('no name and no value can bring in another line', () => {
  const fields = new Fields();
  for (const value of ['a\r\nb: c', 'a\nb: c', 'a\rb', 'a\0', 'a\x7f', '\u0100', '\u560d\u560a']) {
    assert.throws(() => fields.append('x', value), TypeError);
  }
  for (const name of ['', 'a b', 'a:', 'a\r\n', 'a\u00e9', '(a)', 'a ']) {
    assert.throws(() => fields.append(name, 'x'), TypeError);
  }
  assert.equal(fields.text, '');
});

test('RFC 9110 5.6.2: a field name is a token', () => {
  assert.equal(isFieldName("!#$%&'*+-.^_`|~09AZaz"), true);
  for (const character of '"(),/:;<=>?@[\\]{} \t\x7f\u00e9') assert.equal(isFieldName(`a${character}`), false);
});

test('RFC 9110 5.5: a field value holds tabs and obs-text, and no other control character', () => {
  assert.equal(isFieldValue('a\tb \u0080\u00ff'), true);
  for (let code = 0; code < 32; code++) assert.equal(isFieldValue(String.fromCharCode(code)), code === 9);
});

test('trimOws takes spaces and tabs only', () => {
  assert.equal(trimOws(' \t a \u00a0\t '), 'a \u00a0');
  assert.equal(trimOws(' \t '), '');
});

type Line = readonly [name: string, value: string];

const names = ['a', 'x-a', 'a-x', 'cookie', 'accept'] as const;
const name = fc.constantFrom(...names);
const wireName = name.chain((text) => fc.constantFrom(text, text.toUpperCase(), text.replace('a', 'A')));
const value = fc.oneof(
  fc.constantFrom('', 'v', 'a: b', 'x-a:', ':', 'A', '\u00c0\u00de', '\u00b5', '\u00ff', 'b, c'),
  fc.stringMatching(/^(?:[!-~\x80-\xff](?:[ \t!-~\x80-\xff]{0,8}[!-~\x80-\xff])?)?$/),
);
const edit = fc.oneof(
  fc.record({ type: fc.constant('append' as const), name, value }),
  fc.record({ type: fc.constant('set' as const), name, value }),
  fc.record({ type: fc.constant('delete' as const), name, value: fc.constant('') }),
  fc.record({ type: fc.constant('lines' as const), name: wireName, value }),
);

/** The same edit on an array of lines. */
function applyToLines(lines: readonly Line[], { type, name, value }: { type: string; name: string; value: string }) {
  const kept = type === 'set' || type === 'delete' ? lines.filter(([other]) => other.toLowerCase() !== name) : lines;
  return type === 'delete' ? kept : [...kept, [name, value] as const];
}

function applyToFields(fields: Fields, { type, name, value }: { type: string; name: string; value: string }): void {
  if (type === 'append') fields.append(name, value);
  else if (type === 'set') fields.set(name, value);
  else if (type === 'delete') fields.delete(name);
  else fields.appendLines(`${name}: ${value}\r\n`);
}

function assertSame(fields: Fields, lines: readonly Line[]): void {
  assert.equal(fields.text, lines.map(([name, value]) => `${name}: ${value}\r\n`).join(''));
  assert.deepEqual([...fields.entries()], lines);
  for (const name of names) {
    const values = lines.filter(([other]) => other.toLowerCase() === name).map(([, value]) => value);
    assert.deepEqual(fields.getAll(name), values);
    assert.equal(fields.get(name), values.length > 0 ? values.join(', ') : undefined);
    assert.equal(fields.has(name), values.length > 0);
  }
}

test('any edits leave, line by line, what they would leave in an array of lines', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(wireName, value), { maxLength: 6 }),
      fc.array(edit, { maxLength: 10 }),
      (start, edits) => {
        let lines: readonly Line[] = start;
        const fields = new Fields(start.map(([name, value]) => `${name}: ${value}\r\n`).join(''));
        assertSame(fields, lines);
        for (const one of edits) {
          applyToFields(fields, one);
          lines = applyToLines(lines, one);
          assertSame(fields, lines);
        }
      },
    ),
  );
});

test('fields made from their own entries are the same fields', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(wireName, value), { maxLength: 6 }), (entries) => {
      const fields = Fields.from(entries);
      assert.deepEqual([...fields.entries()], entries);
      assert.equal(Fields.from(fields.entries()).text, fields.text);
    }),
  );
});
