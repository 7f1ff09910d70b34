// Keeps the house style that no linter knows: a sentence at the head of every file, and nothing left for later.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const ROOT = join(import.meta.dirname, '../..');
const FILES = globSync(['src/**/*.ts', 'test/**/*.ts', 'bench/**/*.ts', 'scripts/**/*.ts'], { cwd: ROOT }).sort();
const ITSELF = 'test/house/files.test.ts';

function lines(path: string): string[] {
  return readFileSync(join(ROOT, path), 'utf8').split('\n');
}

test('every file begins with a sentence that says what it is for', () => {
  const without = FILES.filter((path) => {
    const [first = '', second = ''] = lines(path);
    return !/^\/\/ .{20,}/.test(first.startsWith('#!') ? second : first);
  });
  assert.deepEqual(without, []);
});

test('no file holds a note for later', () => {
  const found = FILES.filter(
    (path) => path !== ITSELF && lines(path).some((line) => /\b(TODO|FIXME|XXX|HACK)\b/.test(line)),
  );
  assert.deepEqual(found, []);
});

test('no file holds a commented-out statement', () => {
  const statement = /^\s*\/\/ ?(const|let|return|import|export|await|if \(|for \(|\} else).*[;{]$/;
  const found = FILES.filter((path) => path !== ITSELF && lines(path).some((line) => statement.test(line)));
  assert.deepEqual(found, []);
});
