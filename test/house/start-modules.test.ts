// Keeps the start short and worker threads small: what a thread does not need at once is not loaded in it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

const ROOT = join(import.meta.dirname, '../..');

/** What reads the configuration, and what writes the log with all that it brings along. */
const NEEDED: ReadonlySet<string> = new Set([
  ...['zod', 'yaml', 'pino', 'pino-std-serializers', 'thread-stream', 'sonic-boom', 'safe-stable-stringify'],
  ...['quick-format-unescaped', 'on-exit-leak-free', 'atomic-sleep', '@pinojs/redact'],
]);

/** Prints the URL of everything that is imported from then on. */
const SPY = `data:text/javascript,${encodeURIComponent(`
import { registerHooks } from 'node:module';
registerHooks({
  load(url, context, next) {
    console.log(url);
    return next(url, context);
  },
});
`)}`;

/** What the import of a file of ours loads, `expected` among it. */
function loadedBy(path: string, expected = '/src/config/compile.ts'): readonly string[] {
  const script = `await import('${path}'); process.exit();`;
  const options = ['--no-warnings', '--import', SPY, '--input-type=module', '--eval', script];
  const { stdout, stderr } = spawnSync(process.execPath, options, { cwd: ROOT, encoding: 'utf8' });
  const loaded = stdout.split('\n');
  assert.ok(
    loaded.some((url) => url.endsWith(expected)),
    stderr,
  );
  return loaded;
}

test('a worker loads no package, and none of the layers that only the main thread needs', () => {
  const needless = /\/node_modules\/|\/src\/(?:admin|cli|simulate|resolvers|probes)\/|-schema\.ts$/;
  assert.deepEqual(
    loadedBy('#server/worker-state.ts').filter((url) => needless.test(url)),
    [],
  );
});

test('before its first answer a gateway loads no package but those that read its configuration and write its log', () => {
  const packages = loadedBy('#server/gateway-start.ts').flatMap(
    (url) => /\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? [],
  );
  assert.deepEqual(
    [...new Set(packages)].filter((name) => !NEEDED.has(name)),
    [],
  );
});

test('the first worker is started before anything is loaded but what starts it', () => {
  const own = loadedBy('#server/gateway.ts', '/src/server/gateway.ts').flatMap(
    (url) => /\/src\/(.+)/.exec(url)?.[1] ?? [],
  );
  assert.deepEqual(own, ['server/gateway.ts', 'server/worker-thread.ts']);
});

test('nobody imports node:http as it is: see src/lib/node-http.ts', () => {
  assert.ok(!loadedBy('#server/gateway-start.ts').includes('node:http'));
});
