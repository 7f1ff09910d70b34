// Lists of endpoints in files and at URLs: read, followed, and never lost by an outage or by nonsense.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { ResolverModule } from '#model/resolver.ts';
import { fileResolver } from './file.ts';
import { httpResolver } from './http.ts';
import { hurry, type Pace, runResolver } from './testing.ts';

/** Runs a resolver that looks often. */
function run(t: TestContext, module: ResolverModule, options: object, pace?: Pace) {
  return runResolver(t, module, { interval: '10ms', ...options }, pace);
}

async function temporaryFile(t: TestContext, text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-test-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'endpoints.yaml');
  await writeFile(path, text);
  return path;
}

test('file: a list is read with all that is told of its endpoints, and again when it changes', async (t) => {
  const path = await temporaryFile(
    t,
    "- 10.0.0.1:81\n- { address: '10.0.0.2:82', weight: 3, zone: a }\n- { address: '10.0.0.3:83', backup: true }\n",
  );
  const { answers, until } = run(t, fileResolver, { path });
  await until(() => answers.length === 1);
  assert.equal(answers[0], '10.0.0.1:81 10.0.0.2:82*3(a) 10.0.0.3:83@1');
  await writeFile(`${path}.new`, '{ "endpoints": ["10.0.0.4:84"] }');
  await rename(`${path}.new`, path);
  await until(() => answers.length === 2);
  assert.equal(answers[1], '10.0.0.4:84');
});

for (const [what, text, reason] of [
  ['that is no YAML', '[10.0.0.1:81', /./],
  ['with an unknown key', "- { address: '10.0.0.1:81', wieght: 2 }", /no list of endpoints/],
  ['with an address that is none', '- nowhere', /no list of endpoints/],
  ['that lists an endpoint twice', '[10.0.0.1:81, 10.0.0.1:81]', /twice/],
  ['with a port that cannot be connected to', '[10.0.0.1:0]', /"10\.0\.0\.1:0": port 0 cannot be connected to/],
  ['that is empty', '[]', /there is no endpoint/],
] as const) {
  test(`file: a list ${what} keeps the last one, and is said once`, async (t) => {
    const path = await temporaryFile(t, '[10.0.0.1:81]');
    const { answers, warnings, until } = run(t, fileResolver, { path });
    await until(() => answers.length === 1);
    await writeFile(path, text);
    await until(() => warnings.length === 1);
    assert.match(warnings[0] ?? '', reason);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(warnings.length, 1);
    await writeFile(path, '[10.0.0.9:89]');
    await until(() => answers.length === 2);
  });
}

test('file: a file that goes keeps the last list, and one that comes is read', async (t) => {
  const path = await temporaryFile(t, '[10.0.0.1:81]');
  const { answers, warnings, until } = run(t, fileResolver, { path });
  await until(() => answers.length === 1);
  await rm(path);
  await until(() => warnings.length === 1);
  await writeFile(path, '[10.0.0.2:82]');
  await until(() => answers.length === 2);
});

test('an empty list clears where that is wished', async (t) => {
  const path = await temporaryFile(t, '[10.0.0.1:81]');
  const { answers, until } = run(t, fileResolver, { path, 'on-empty': 'clear' });
  await until(() => answers.length === 1);
  await writeFile(path, '[]');
  await until(() => answers.length === 2);
  assert.equal(answers[1], '');
});

async function startServer(t: TestContext, answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as { port: number }).port}/endpoints`;
}

test('http: a list is asked for with the validator of the last answer', async (t) => {
  let list = '["10.0.0.1:81"]';
  const asked: (string | undefined)[] = [];
  const url = await startServer(t, (request, response) => {
    asked.push(request.headers['if-none-match']);
    const etag = `"${list.length}"`;
    if (request.headers['if-none-match'] === etag) response.writeHead(304).end();
    else response.writeHead(200, { etag }).end(list);
  });
  const { answers, until } = run(t, httpResolver, { url });
  await until(() => asked.length > 3);
  assert.deepEqual(answers, ['10.0.0.1:81']);
  assert.deepEqual(asked.slice(0, 2), [undefined, '"15"']);
  list = '["10.0.0.1:81", "10.0.0.2:82"]';
  await until(() => answers.length === 2);
  assert.equal(answers[1], '10.0.0.1:81 10.0.0.2:82');
});

test('http: an outage, a failure and an answer that does not come keep the last list', async (t) => {
  let mode: 'well' | 'failing' | 'silent' | 'nonsense' = 'well';
  const url = await startServer(t, (_request, response) => {
    if (mode === 'silent') return;
    response.writeHead(mode === 'failing' ? 500 : 200).end(mode === 'nonsense' ? '{' : '["10.0.0.1:81"]');
  });
  const { answers, warnings, until } = run(t, httpResolver, { url, timeout: '100ms' }, hurry(100));
  await until(() => answers.length === 1);
  for (const [next, reason] of [
    ['failing', /status 500/],
    ['nonsense', /./],
    ['silent', /no answer in time/],
  ] as const) {
    const before = warnings.length;
    mode = next;
    await until(() => warnings.length > before);
    assert.match(warnings.at(-1) ?? '', reason);
  }
  assert.equal(answers.length, 1);
});

test('http: with hardly a wait between questions there is one after a failure all the same', async (t) => {
  const url = await startServer(t, (_request, response) => response.writeHead(500).end());
  const { delays, until } = run(t, httpResolver, { url, interval: '1ms' }, hurry(5000));
  const waits = () => delays.filter((delayMs) => delayMs !== 5000);
  await until(() => waits().length === 3);
  assert.deepEqual(waits(), [1000, 2000, 4000]);
});

test('http: the log names the URL without its query, which may hold a key', async (t) => {
  let status = 200;
  const url = await startServer(t, (_request, response) => response.writeHead(status).end('["10.0.0.1:81"]'));
  const { sources, answers, warnings, until } = run(t, httpResolver, { url: `${url}?key=secret` });
  await until(() => answers.length === 1);
  status = 500;
  await until(() => warnings.length === 1);
  assert.deepEqual([...sources], [url]);
});
