// Every configuration in the pages is one that `tidegate check` takes.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseConfiguration } from '#config/load.ts';
import { createAuthority } from '../support/certificates.ts';

const ROOT = join(import.meta.dirname, '../..');
const OWN = createAuthority().issue({ names: ['gateway.test'] });
/** Surroundings in which every variable and every file is there. */
const REFERENCES = {
  env: () => 'a value that is long enough',
  file(path: string) {
    if (path.endsWith('.pem')) return OWN.cert;
    return path.endsWith('.key') ? OWN.key : 'a value that is long enough';
  },
};
const BLOCK = /^```yaml\n(.*?)^```/gms;

for (const page of globSync(['*.md', 'docs/**/*.md'], { cwd: ROOT }).sort()) {
  const blocks = [...readFileSync(join(ROOT, page), 'utf8').matchAll(BLOCK)].map((match) => match[1] ?? '');
  for (const [index, block] of blocks.entries()) {
    if (!/^version: 1$/m.test(block)) continue;
    test(`${page}: configuration ${index + 1} is valid`, () => {
      assert.doesNotThrow(() => parseConfiguration(block, REFERENCES));
    });
  }
}
