// Packs Tidegate, installs the package into an empty folder as any user would, and uses it there.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';

const ROOT = join(import.meta.dirname, '../..');
const CONSUMER = mkdtempSync(join(tmpdir(), 'tidegate-consumer-'));

/** What npm tells the scripts it runs is not for the npm that we run. */
const ENVIRONMENT = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('npm_')));

const CONFIGURATION = `version: 1
workers: 1
admin: { address: 127.0.0.1:0 }
listeners:
  web: { address: 127.0.0.1:0 }
routes:
  - name: hello
    match: { path: /hello }
    respond: { status: 200, body: from the package }
`;

const CONSUMER_OF_TYPES = `import { defineConfig, definePolicy, s } from 'tidegate';

export default defineConfig({
  version: 1,
  listeners: { web: { address: '127.0.0.1:8080' } },
  routes: [{ name: 'all', match: { path: '/*' }, upstream: 'site' }],
  upstreams: { site: { endpoints: ['127.0.0.1:9001'] } },
});

export const stamp = definePolicy({
  type: 'stamp',
  summary: 'Stamps responses.',
  options: () => s.object({ value: s.string() }),
  create: ({ value }) => (next) => async (exchange) => {
    const response = await next(exchange);
    response.fields.set('x-stamp', value.toUpperCase());
    return response;
  },
});
`;

interface Ready {
  readonly msg: string;
  readonly listeners: readonly { readonly name: string; readonly port: number }[];
}

function write(name: string, text: string): void {
  writeFileSync(join(CONSUMER, name), text);
}

function tidegate(...args: string[]): { status: number | null; output: string } {
  const run = spawnSync('npx', ['--no', 'tidegate', ...args], { cwd: CONSUMER, env: ENVIRONMENT, encoding: 'utf8' });
  return { status: run.status, output: run.stdout + run.stderr };
}

/** Type-checks one file of the consumer; gives the compiler's complaints. */
function compile(name: string): string {
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  const types = ['--typeRoots', join(ROOT, 'node_modules/@types'), '--types', 'node'];
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'esnext', ...types];
  const run = spawnSync(process.execPath, [compiler, ...options, name], { cwd: CONSUMER, encoding: 'utf8' });
  return run.stdout + run.stderr;
}

/** The first line of the log that says the gateway is ready. */
async function readyLine(gateway: ChildProcess): Promise<Ready> {
  assert.ok(gateway.stderr);
  const lines: string[] = [];
  for await (const line of createInterface({ input: gateway.stderr })) {
    lines.push(line);
    if (line.includes('"msg":"ready"')) return JSON.parse(line);
  }
  throw new Error(`The gateway never was ready:\n${lines.join('\n')}`);
}

before(() => {
  const node = process.execPath;
  const packed = execFileSync(node, [join(ROOT, 'scripts/package.ts')], { encoding: 'utf8', env: ENVIRONMENT });
  write('package.json', '{ "name": "consumer", "private": true, "type": "module" }\n');
  write('hello.yaml', CONFIGURATION);
  const options = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
  execFileSync('npm', [...options, packed.trim()], { cwd: CONSUMER, env: ENVIRONMENT, stdio: 'pipe' });
});

after(() => rmSync(CONSUMER, { recursive: true, force: true }));

test('the installed command tells its version', () => {
  const { status, output } = tidegate('version');
  assert.equal(status, 0, output);
  assert.match(output, /\b\d+\.\d+\.\d+\b/);
});

test('the installed command checks a configuration', () => {
  const { status, output } = tidegate('check', 'hello.yaml');
  assert.equal(status, 0, output);
  assert.match(output, /ok/);
});

test('the installed command serves a request and stops on SIGTERM', async () => {
  const command = join(CONSUMER, 'node_modules/.bin/tidegate');
  const gateway = spawn(command, ['run', 'hello.yaml'], {
    cwd: CONSUMER,
    env: ENVIRONMENT,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const closed = once(gateway, 'close');
  try {
    const ready = await readyLine(gateway);
    const response = await fetch(`http://127.0.0.1:${ready.listeners[0]?.port}/hello`);
    assert.equal(response.status, 200);
    assert.equal(await response.text(), 'from the package');
  } finally {
    gateway.stderr?.resume();
    gateway.kill('SIGTERM');
  }
  const [code] = await closed;
  assert.equal(code, 0);
});

test('the types let a user write a configuration and a policy', () => {
  write('right.ts', CONSUMER_OF_TYPES);
  assert.equal(compile('right.ts'), '');
});

test('a wrong key in a typed configuration does not compile', () => {
  const wrong = CONSUMER_OF_TYPES.replace('upstream:', 'upstraem:');
  write('wrong.ts', wrong);
  const column = (wrong.split('\n')[5] ?? '').indexOf('upstraem') + 1;
  assert.match(compile('wrong.ts'), new RegExp(`^wrong\\.ts\\(6,${column}\\): error`));
});
