// Runs the shortest benchmark there is, so that the harness does not rot. Looks at no figure.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

const ROOT = join(import.meta.dirname, '../..');

/** With this status the harness says that something it needs is not on this machine. */
const UNAVAILABLE = 69;

const WORKS = ['h1', 'https', 'h2'] as const;

test('npm run bench compares Tidegate with nginx and prints a ratio for each work', (t) => {
  const args = ['scripts/node.sh', 'bench/main.ts', ...WORKS, '--quick', '--peers', 'nginx'];
  const { status, stdout, stderr } = spawnSync('sh', args, { cwd: ROOT, encoding: 'utf8' });
  if (status === UNAVAILABLE && process.env.CI !== 'true') {
    t.skip(stderr.trim());
    return;
  }
  assert.equal(status, 0, stderr);
  for (const work of WORKS) {
    // On a machine without what a work needs it is left out.
    if (stderr.includes(`The work ${work} is left out`) && process.env.CI !== 'true') continue;
    const table = stdout.slice(stdout.indexOf(`${work}: `));
    for (const name of ['Tidegate', 'nginx']) {
      assert.match(table, new RegExp(`^${name}( +\\d+\\.\\d){3} +\\d+ +\\d+\\.\\d\\d$`, 'm'));
      assert.match(stderr, new RegExp(`^${work} 1/1 ${name}: `, 'm'));
    }
  }
});
