// Tests of what people see of a problem: its place, its sentence, and the line with a mark below.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatProblems } from './format-problems.ts';

/** The line that is shown, and what stands above the mark. */
function excerptOf(line: string, column: number): { readonly shown: string; readonly marked: string } {
  const text = formatProblems([{ path: [], message: 'is wrong', line: 1, column }], 'a.yaml', line);
  const [, shown = '', mark = ''] = text.split('\n');
  return { shown: shown.slice(4), marked: shown.slice(mark.indexOf('^')).slice(0, 5) };
}

test('the mark stands below the place of the problem', () => {
  assert.deepEqual(excerptOf('a: { wrong: 1 }', 6), { shown: 'a: { wrong: 1 }', marked: 'wrong' });
});

test('of a long line the part around the problem is shown', () => {
  for (const before of [80, 100, 130, 1000]) {
    const { shown, marked } = excerptOf(`${'x'.repeat(before)}wrong${'y'.repeat(1000)}`, before + 1);
    assert.deepEqual({ length: shown.length, marked }, { length: 120, marked: 'wrong' });
  }
});

test('control characters of a file do not reach the terminal', () => {
  assert.deepEqual(excerptOf('\u001b[2J\twrong', 6), { shown: ' [2J wrong', marked: 'wrong' });
});
