// The command line as people call it: the launcher is started for real, and its streams and exit code are looked at.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readVersion } from '#lib/version.ts';
import { commands } from './commands/index.ts';

const LAUNCHER = fileURLToPath(new URL('../../bin/tidegate', import.meta.url));

const GOOD = `version: 1
listeners:
  web: { address: 127.0.0.1:0 }
routes:
  - name: all
    match: { path: /* }
    upstream: app
upstreams:
  app: { endpoints: [127.0.0.1:9001] }
`;

interface Ended {
  readonly exitCode: number | null;
  readonly output: string;
  readonly errors: string;
}

function tidegate(
  words: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<Ended> {
  const child = spawn(LAUNCHER, words, {
    cwd: options.cwd ?? tmpdir(),
    env: { ...process.env, TIDEGATE_DEBUG: '', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, output, errors }));
  });
}

function folderWith(t: TestContext, files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-cli-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

test('version prints the version of package.json and ends with 0', async () => {
  const { exitCode, output, errors } = await tidegate(['version']);
  assert.equal(exitCode, 0);
  assert.match(output, new RegExp(`^tidegate ${readVersion()} \\(Node\\.js \\d+`));
  assert.equal(errors, '');
});

test('help names every command and every exit code', async () => {
  const { exitCode, output } = await tidegate(['--help']);
  assert.equal(exitCode, 0);
  for (const command of commands) assert.match(output, new RegExp(`^  ${command.name}\\b`, 'm'));
  for (const code of [0, 1, 64, 69, 70]) assert.match(output, new RegExp(`^ +${code}  `, 'm'));
});

test('check says the place of a mistake that only compiling finds', async (t) => {
  const text = GOOD.replace('upstream: app\n', 'redirect: { to: "/${nope}" }\n');
  const folder = folderWith(t, { 'tidegate.yaml': text });
  const { exitCode, errors } = await tidegate(['check'], { cwd: folder });
  assert.equal(exitCode, 1);
  assert.match(errors, /^tidegate\.yaml:5:\d+: routes\[0\]: there is no variable \$\{nope\}/m);
});

test('a folder in place of a configuration file is told', async (t) => {
  const { exitCode, errors } = await tidegate(['check', folderWith(t, {})]);
  assert.equal(exitCode, 1);
  assert.match(errors, /: is a folder; name a file in it$/m);
});

test('a reader that goes away is no fault', async () => {
  const child = spawn(LAUNCHER, ['schema'], { cwd: tmpdir(), stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  const [errors, [exitCode]] = await Promise.all([buffer(child.stderr), once(child, 'close')]);
  assert.equal(errors.toString(), '');
  assert.equal(exitCode, 0);
});

test('help of each command has examples', async () => {
  for (const { name } of commands) {
    const { exitCode, output } = await tidegate(['help', name]);
    assert.equal(exitCode, 0, name);
    assert.match(output, /^Examples:\n {2}\S/m, name);
  }
});

test('no command at all prints help and ends with 64', async () => {
  const { exitCode, errors } = await tidegate([]);
  assert.equal(exitCode, 64);
  assert.match(errors, /Usage: tidegate COMMAND/);
});

test('an unknown command ends with 64 and names the nearest', async () => {
  const { exitCode, errors } = await tidegate(['chek']);
  assert.equal(exitCode, 64);
  assert.match(errors, /^tidegate: unknown command 'chek'\n\(Did you mean check\?\)/);
});

test('an unknown option and an argument too many end with 64', async () => {
  for (const words of [
    ['version', '--colour'],
    ['version', 'now'],
    ['drain', 'api'],
    ['demo', '--port', '99999'],
  ]) {
    const { exitCode, errors } = await tidegate(words);
    assert.equal(exitCode, 64, words.join(' '));
    assert.match(errors, /^tidegate: /);
  }
});

test('an option that a part of a command needs is named, with where its help is', async () => {
  const { exitCode, errors } = await tidegate(['certs', 'upload', 'secure', 'shop']);
  assert.equal(exitCode, 64);
  assert.match(errors, /--cert <file>.*\n\(try 'tidegate certs help upload'\)/);
});

test('check counts what a good file has', async (t) => {
  const cwd = folderWith(t, { 'tidegate.yaml': GOOD });
  const { exitCode, output, errors } = await tidegate(['check'], { cwd });
  assert.deepEqual({ exitCode, errors }, { exitCode: 0, errors: '' });
  assert.match(output, /^ok: 1 listener, 1 route, 1 upstream\n$/);
});

test('check prints every problem with file, line and column, and ends with 1', async (t) => {
  const bad = GOOD.replace('path: /*', 'pth: /*').replace('upstream: app', 'upstream: ap');
  const cwd = folderWith(t, { 'bad.yaml': bad });
  const { exitCode, errors } = await tidegate(['check', 'bad.yaml'], { cwd });
  assert.equal(exitCode, 1);
  assert.match(errors, /bad\.yaml:6:\d+: .*pth.*path/);
  assert.match(errors, /bad\.yaml:7:\d+: .*app/);
  assert.doesNotMatch(errors, /^ +at /m);
});

test('check without any file here ends with 64, and with a file that is not there with 1', async (t) => {
  const cwd = folderWith(t, {});
  const without = await tidegate(['check'], { cwd });
  assert.equal(without.exitCode, 64);
  assert.match(without.errors, /tidegate\.yaml/);
  const missing = await tidegate(['check', 'none.yaml'], { cwd });
  assert.equal(missing.exitCode, 1);
  assert.match(missing.errors, /none\.yaml/);
});

test('run refuses a bad configuration with the same lines and 1', async (t) => {
  const cwd = folderWith(t, { 'tidegate.yaml': GOOD.replace('version: 1', 'version: 2') });
  const { exitCode, errors } = await tidegate(['run'], { cwd });
  assert.equal(exitCode, 1);
  assert.match(errors, /tidegate\.yaml:1:\d+: /);
  assert.doesNotMatch(errors, /^ +at /m);
});

test('simulate prints what a balancer would do, and ends with 64 when called wrongly', async (t) => {
  const cwd = folderWith(t, { 'tidegate.yaml': GOOD });
  const simulated = await tidegate(['simulate', '--requests', '50', '--balancer', 'random'], { cwd });
  assert.deepEqual({ exitCode: simulated.exitCode, errors: simulated.errors }, { exitCode: 0, errors: '' });
  assert.match(simulated.output, /^random +127\.0\.0\.1:9001 +100\.0% +50 /m);
  const wrong = await tidegate(['simulate', '--balancer', 'randm'], { cwd });
  assert.equal(wrong.exitCode, 64);
  assert.match(wrong.errors, /^tidegate: --balancer: .*did you mean "random"\?/);
  const missing = await tidegate(['simulate', 'none.yaml'], { cwd });
  assert.equal(missing.exitCode, 1);
});

test('schema prints a JSON Schema', async () => {
  const { exitCode, output } = await tidegate(['schema']);
  assert.equal(exitCode, 0);
  const schema = JSON.parse(output) as { readonly properties: object };
  assert.ok('routes' in schema.properties);
});

test('status, reload and drain end with 69 when no gateway answers', async () => {
  // Port 2 is reserved (compressnet) and nothing listens there.
  const env = { TIDEGATE_ADMIN: '127.0.0.1:2' };
  for (const words of [['status'], ['reload', '--token', 'x'], ['drain', 'api', '127.0.0.1:9001']]) {
    const { exitCode, errors } = await tidegate(words, { env });
    assert.equal(exitCode, 69, words.join(' '));
    assert.match(errors, /^tidegate: cannot reach the admin API at http:\/\/127\.0\.0\.1:2: connection refused/);
  }
});

test('an order that outlasts the wait goes on, and the command says so by a code of its own', async (t) => {
  // An admin API that is at work for as long as the test lasts.
  const server = createServer(() => {}).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  t.after(() => server.closeAllConnections());
  const admin = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const renew = ['certs', 'renew', 'www.example.com', '--admin', admin, '--token', 'x', '--wait'];
  const { exitCode, output, errors } = await tidegate([...renew, '100ms']);
  assert.deepEqual([exitCode, output], [75, '']);
  assert.match(errors, /still at work on the certificate for www\.example\.com.*tidegate certs list/s);
  assert.equal((await tidegate([...renew, '1h'])).exitCode, 64);
});
