// The Priority field: what it says, and what is said when it says nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '#lib/properties.ts';
import { parsePriority } from './priority.ts';

const DEFAULT = { urgency: 3, incremental: false };

function says(text: string, urgency: number, incremental: boolean): void {
  assert.deepEqual(parsePriority(text), { urgency, incremental }, JSON.stringify(text));
}

test('RFC 9218 4: urgency and incremental, alone, together, in either order', () => {
  says('u=0', 0, false);
  says('u=7', 7, false);
  says('i', 3, true);
  says('u=5, i', 5, true);
  says('i,u=1', 1, true);
  says('u=2, i=?1', 2, true);
  says('u=2, i=?0', 2, false);
  says('', 3, false);
  says('  ', 3, false);
});

test('RFC 9218 4: values out of range, and of another type, are ignored', () => {
  for (const value of ['8', '-1', '10', '3.0', '"1"', 'one', '?1', '@1', ':MQ==:', '(1)', '()'])
    says(`u=${value}, i`, 3, true);
  for (const value of ['1', 'true', '"1"', '1.0', '(?1)']) says(`u=1, i=${value}`, 1, false);
  says('u', 3, false);
  says('u=007, i', 7, true);
  says('u=-0', 0, false);
});

test('RFC 9218 4: members that are unknown, and parameters, are ignored', () => {
  says('a, u=1;x=2;y, b=("c" d;e=:MQ==: 1.5), i;z', 1, true);
  says('u=1;u=2', 1, false);
  says('U=1', 3, false);
});

test('RFC 9651 4.2.2: the last of several members with one key counts', () => {
  says('u=1, u=5', 5, false);
  says('i, i=?0', 3, false);
  says('u=1, u=9', 3, false);
});

test('RFC 9651 4.2: a field that is no dictionary is ignored, all of it', () => {
  for (const text of [
    'u=1,',
    ',u=1',
    'u=1,,i',
    'u=1 i',
    'u= 1',
    'u =1',
    'u=1;',
    'u=',
    'u=1, i=',
    'u=1, é',
    'u=1, x="a',
    'u=1\n',
  ])
    assert.deepEqual(parsePriority(text), DEFAULT, JSON.stringify(text));
  for (const text of [
    '\tu=1',
    'u=1, x=(a',
    'u=1, x=1.',
    'u=1, x=1234567890123456',
    'u=1, x=?2',
    'u=1, x=%"%FF"',
    'u=1, 1=x',
  ])
    assert.deepEqual(parsePriority(text), DEFAULT, JSON.stringify(text));
});

test('every spelling of every priority is read alike', () => {
  for (let urgency = 0; urgency <= 7; urgency++) {
    for (const text of [`u=${urgency}`, ` u=${urgency}`]) says(text, urgency, false);
    for (const text of [`u=${urgency}, i`, `u=${urgency},i`, `u=${urgency} , i`, `i, u=${urgency}`])
      says(text, urgency, true);
  }
});

test('white space around members does not matter', () => {
  says('  u=1 \t,\t i  ', 1, true);
});

test('any text says a priority', () => {
  const text = fc.oneof(
    fc.string(),
    fc
      .array(fc.constantFrom('u', 'i', '=', ',', ' ', ';', '?1', '7', '(', ')', '"', ':', '%"', '@', 'x'))
      .map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(text, (value) => {
      const { urgency, incremental } = parsePriority(value);
      assert.ok(Number.isInteger(urgency) && urgency >= 0 && urgency <= 7);
      assert.equal(typeof incremental, 'boolean');
    }),
    { numRuns: 2000 },
  );
});

test('members of any valid form leave the one behind them as it is', () => {
  const key = fc.stringMatching(/^[a-z*][a-z0-9_\-.*]{0,5}$/);
  const item = fc.oneof(
    fc.integer({ min: -999_999_999_999_999, max: 999_999_999_999_999 }).map(String),
    fc.stringMatching(/^-?[0-9]{1,12}\.[0-9]{1,3}$/),
    fc.stringMatching(/^"[ !#-[\]-~]{0,9}(?:\\["\\])?"$/),
    fc.stringMatching(/^[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]{0,9}$/),
    fc.base64String().map((text) => `:${text}:`),
    fc.constantFrom('?0', '?1', '@1659578233', '%"f%c3%bc"'),
  );
  const parameters = fc
    .array(
      fc.oneof(
        key,
        fc.tuple(key, item).map(([name, value]) => `${name}=${value}`),
      ),
      { maxLength: 2 },
    )
    .map((all) => all.map((parameter) => `; ${parameter}`).join(''));
  const valued = fc.tuple(item, parameters).map(([value, after]) => value + after);
  const list = fc.array(valued, { maxLength: 3 }).map((items) => `(${items.join('  ')} )`);
  const member = fc.tuple(
    key,
    fc.oneof(
      valued,
      fc.tuple(list, parameters).map((parts) => parts.join('')),
      fc.constant(''),
    ),
  );
  fc.assert(
    fc.property(fc.array(member), (members) => {
      const before = members.map(([name, value]) => (value === '' ? name : `${name}=${value}`));
      says([...before, 'u=6', 'i'].join(' , '), 6, true);
    }),
    { numRuns: 500 },
  );
});
