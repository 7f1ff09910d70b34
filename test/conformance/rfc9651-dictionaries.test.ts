// The published tests of structured fields, as far as they are dictionaries or can be a member of one: the parser of Priority takes
// what is valid and nothing else. Skipped where the tests are not at hand.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parsePriority } from '#wire/http2/priority.ts';

const FOLDER = join(import.meta.dirname, '../../../shared/vectors/structured-fields');
const skip = existsSync(FOLDER) ? false : `no tests at ${FOLDER}`;

interface Case {
  readonly name: string;
  readonly raw: readonly string[];
  readonly header_type: 'dictionary' | 'list' | 'item';
  readonly must_fail?: boolean;
  readonly can_fail?: boolean;
}

const DICTIONARIES = ['dictionary', 'param-dict', 'key-generated', 'large-generated', 'examples'];
const ITEMS = [
  'boolean',
  'date',
  'display-string',
  'number',
  'number-generated',
  'string',
  'string-generated',
  'token',
  'token-generated',
];

function casesOf(files: readonly string[], type: Case['header_type']): readonly Case[] {
  const all = files.flatMap((file) => JSON.parse(readFileSync(join(FOLDER, `${file}.json`), 'utf8')) as Case[]);
  return all.filter((one) => one.header_type === type && one.can_fail !== true);
}

/** Whether a member behind `text` is read: then it is a dictionary, or empty. */
function isDictionary(text: string): boolean {
  return parsePriority(`${text}, u=1`).urgency === 1 || (text.trim() === '' && parsePriority(text).urgency === 3);
}

test('RFC 9651 4.2.2: dictionaries are told from what is none', { skip }, () => {
  const cases = casesOf(DICTIONARIES, 'dictionary');
  assert.ok(cases.length > 100);
  for (const { name, raw, must_fail } of cases)
    assert.equal(isDictionary(raw.join(', ')), must_fail !== true, `${name}: ${raw}`);
});

test('RFC 9651 4.2.3: items are told from what is none', { skip }, () => {
  const cases = casesOf(ITEMS, 'item').filter(({ name, raw: [text = '', ...more] }) => {
    // What the octets of a display string spell is not looked at; white space around an item is none of it, and a comma would
    // begin another member.
    return !name.includes('display string utf-8') && more.length === 0 && !/^[ \t]|[ \t]$|,/.test(text);
  });
  assert.ok(cases.length > 400);
  for (const { name, raw, must_fail } of cases)
    assert.equal(isDictionary(`x=${raw[0]}`), must_fail !== true, `${name}: ${JSON.stringify(raw)}`);
});
