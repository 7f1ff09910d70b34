// Keeps the pages true to the tree: every file they name exists, every link of theirs leads somewhere.
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

const ROOT = join(import.meta.dirname, '../..');
const PAGES = globSync(['*.md', 'docs/**/*.md', 'bench/*.md'], { cwd: ROOT }).sort();

/** A path of this project in running text or code: `src/proxy/retry.ts`, `test/support/`. */
const NAMED_PATH = /(?<![\w./#-])(?:src|test|bench|scripts|docs|bin)\/[\w./-]*\w\/?/g;
const LINK = /\]\(([^)\s]+)\)/g;
const HEADING = /^#+ (.+)$/gm;

/** Code that a reader would write anew; examples.test.ts sees to it. */
const EXAMPLE = /^ *```ts\n.*?^ *```/gms;

function read(page: string): string {
  return readFileSync(join(ROOT, page), 'utf8').replaceAll(EXAMPLE, '');
}

/** Anchors as hosts of Markdown make them from headings. */
function anchors(page: string): Set<string> {
  const headings = [...read(page).matchAll(HEADING)].map((match) => match[1] ?? '');
  return new Set(
    headings.map((text) =>
      text
        .toLowerCase()
        .replaceAll(/[^\w\s-]/g, '')
        .replaceAll(' ', '-'),
    ),
  );
}

function isBroken(page: string, link: string): boolean {
  if (/^[a-z]+:/.test(link)) return false;
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? page : join(dirname(page), path);
  if (!existsSync(join(ROOT, target))) return true;
  return anchor !== undefined && target.endsWith('.md') && !anchors(target).has(anchor);
}

for (const page of PAGES) {
  test(`${page} names only files that exist`, () => {
    const named = new Set([...read(page).matchAll(NAMED_PATH)].map((match) => match[0]));
    assert.deepEqual(
      [...named].filter((path) => !existsSync(join(ROOT, path))),
      [],
    );
  });

  test(`${page} has no broken link`, () => {
    const links = [...read(page).matchAll(LINK)].map((match) => match[1] ?? '');
    assert.deepEqual(
      links.filter((link) => isBroken(page, link)),
      [],
    );
  });
}
