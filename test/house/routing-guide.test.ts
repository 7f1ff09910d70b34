// The table of patterns in the routing guide says what the router does.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Route } from '#model/route.ts';
import { createTestExchange } from '#model/testing.ts';
import { createRouter } from '#routing/router.ts';

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/guides/routing.md'), 'utf8');
const ROW = /^\| `([^`]+)` \| (.+) \| (.*) \|$/gm;

function matches(pattern: string, path: string): boolean {
  const match = { hosts: [], paths: [pattern], methods: [], fields: [], query: [], clients: [] };
  const router = createRouter([{ name: 'one', match } as unknown as Route]);
  return router.match(createTestExchange({ target: path }).request, '192.0.2.1') !== undefined;
}

const paths = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map((found) => found[1] ?? '');

for (const [, pattern = '', yes = '', no = ''] of PAGE.matchAll(ROW)) {
  test(`routing guide: ${pattern}`, () => {
    for (const path of paths(yes)) assert.equal(matches(pattern, path), true, path);
    for (const path of paths(no)) assert.equal(matches(pattern, path), false, path);
  });
}
