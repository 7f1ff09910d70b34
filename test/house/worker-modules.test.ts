// Keeps worker threads small: what only the main thread needs, such as the packages that check the configuration, is not loaded in them.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

const ROOT = join(import.meta.dirname, '../..');

/** Prints every URL that is loaded from then on. */
const SPY = `data:text/javascript,${encodeURIComponent(`
import { registerHooks } from 'node:module';
registerHooks({
  load(url, context, next) {
    console.log(url);
    return next(url, context);
  },
});
`)}`;

test('a worker loads no package, and none of the layers that only the main thread needs', () => {
  const script = "await import('#server/worker-state.ts'); process.exit();";
  const options = ['--no-warnings', '--import', SPY, '--input-type=module', '--eval', script];
  const { stdout, stderr } = spawnSync(process.execPath, options, { cwd: ROOT, encoding: 'utf8' });
  const loaded = stdout.split('\n').filter((url) => url.startsWith('file:'));
  assert.ok(
    loaded.some((url) => url.endsWith('/src/config/compile.ts')),
    stderr,
  );
  const needless = /\/node_modules\/|\/src\/(?:admin|cli|simulate|resolvers|probes)\/|-schema\.ts$/;
  assert.deepEqual(
    loaded.filter((url) => needless.test(url)),
    [],
  );
});
