// The demo from its start to Ctrl-C, as a process: what it prints works, and nothing of it is left.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const LAUNCHER = fileURLToPath(new URL('../../../bin/tidegate', import.meta.url));

interface Demo {
  readonly child: ChildProcess;
  readonly web: string;
  readonly admin: string;
  readonly file: string;
  /** Control address of the origin that the guide proposes to break. */
  readonly victim: string;
  readonly token: string;
}

/** Starts the demo on free ports and reads what it prints. */
async function startDemo(t: TestContext): Promise<Demo> {
  const child = spawn(LAUNCHER, ['demo', '--port', '0', '--admin-port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  });
  let text = '';
  for await (const chunk of child.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    text += chunk;
    if (text.includes('Ctrl-C')) break;
  }
  child.stdout.resume();
  const find = (pattern: RegExp): string => pattern.exec(text)?.[1] ?? assert.fail(`${pattern} is not in: ${text}`);
  return {
    child,
    web: find(/Page +(http:\S+)\/\n/),
    admin: find(/Status +(http:\S+)\/\n/),
    file: find(/^ +(\/\S+demo\.yaml)$/m),
    victim: find(/POST (http:\S+)\/break/),
    token: find(/--token (\S+)/),
  };
}

/** Asks until the answer is what is waited for; the test runner's own limit ends it if that never comes. */
async function until<T>(ask: () => Promise<T>, isIt: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (isIt(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function json<T>(url: string, options?: RequestInit): Promise<T> {
  return (await (await fetch(url, options)).json()) as T;
}

interface Upstream {
  readonly endpoints: readonly { readonly name: string; readonly status: string; readonly requests: number }[];
}

test('the demo balances, and shows its policies', { timeout: 60_000 }, async (t) => {
  const { web, admin } = await startDemo(t);
  const seen = new Set<string>();
  await until(
    async () => (await fetch(`${web}/`)).headers.get('x-origin') ?? '',
    (origin) => seen.add(origin).size === 3,
  );
  assert.equal(await (await fetch(`${web}/hello`)).text(), 'Hello from the gateway itself.\n');
  assert.equal((await fetch(`${web}/private`)).status, 401);
  const authorization = `Basic ${Buffer.from('demo:demo').toString('base64')}`;
  assert.equal((await fetch(`${web}/private`, { headers: { authorization } })).status, 200);
  const old = await fetch(`${web}/old`, { redirect: 'manual' });
  assert.equal(old.status, 308);
  assert.equal(new URL(old.headers.get('location') ?? '', web).pathname, '/api/new');
  await until(
    async () => (await fetch(`${web}/limited`)).status,
    (status) => status === 429,
  );
  assert.equal((await fetch(`${web}/nothing-here`)).status, 404);
  assert.match(await (await fetch(`${admin}/`)).text(), /<title>Tidegate status/);
});

test('the demo relays a WebSocket', { timeout: 60_000 }, async (t) => {
  const { web } = await startDemo(t);
  const socket = new WebSocket(`${web.replace('http', 'ws')}/ws`);
  await once(socket, 'open');
  const answer = once(socket, 'message');
  socket.send('through the gateway');
  const [event] = (await answer) as [{ readonly data: string }];
  assert.equal(event.data, 'through the gateway');
  socket.close();
});

test('a broken origin leaves and comes back when mended', { timeout: 60_000 }, async (t) => {
  const { admin, victim } = await startDemo(t);
  const victimStatus = async () => {
    const { endpoints } = await json<Upstream>(`${admin}/upstreams/api`);
    return endpoints.find(({ name }) => victim.endsWith(name))?.status;
  };
  await until(victimStatus, (status) => status === 'healthy');
  await fetch(`${victim}/break`, { method: 'POST' });
  await until(victimStatus, (status) => status === 'unhealthy' || status === 'ejected');
  await fetch(`${victim}/mend`, { method: 'POST' });
  await until(victimStatus, (status) => status === 'healthy');
});

test('an endpoint drains by the printed token, and a saved change is taken over', { timeout: 60_000 }, async (t) => {
  const { admin, web, victim, token, file } = await startDemo(t);
  const endpoint = victim.slice('http://'.length);
  const url = `${admin}/upstreams/api/endpoints/${endpoint}/drain`;
  assert.equal((await fetch(url, { method: 'POST' })).status, 401);
  const authorization = `Bearer ${token}`;
  assert.equal((await fetch(url, { method: 'POST', headers: { authorization } })).status, 200);
  const { endpoints } = await json<Upstream>(`${admin}/upstreams/api`);
  assert.equal(endpoints.find(({ name }) => name === endpoint)?.status, 'draining');

  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace('Hello from the gateway itself.', 'Changed.'));
  await until(
    async () => (await fetch(`${web}/hello`)).text(),
    (answer) => answer === 'Changed.\n',
  );
});

test('Ctrl-C ends the gateway and the origins with 0 and leaves no file', { timeout: 60_000 }, async (t) => {
  const { child, victim, web, file } = await startDemo(t);
  const exit = once(child, 'exit');
  child.kill('SIGINT');
  assert.deepEqual(await exit, [0, null]);
  await assert.rejects(fetch(`${victim}/healthz`));
  await assert.rejects(fetch(`${web}/`));
  assert.equal(existsSync(file), false);
});

test('the origins end when the demo is killed', { timeout: 60_000 }, async (t) => {
  const { child, victim } = await startDemo(t);
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
  await until(
    () =>
      fetch(`${victim}/healthz`).then(
        () => true,
        () => false,
      ),
    (answers) => !answers,
  );
});

test('a busy port is told with the option that chooses another, and 69', { timeout: 60_000 }, async (t) => {
  const blocker = createServer().listen(0, '127.0.0.1');
  t.after(() => blocker.close());
  await once(blocker, 'listening');
  const { port } = blocker.address() as AddressInfo;
  for (const option of ['--port', '--admin-port']) {
    const words = ['demo', '--port', '0', '--admin-port', '0', option, String(port)];
    const child = spawn(LAUNCHER, words, { stdio: ['ignore', 'ignore', 'pipe'] });
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    const [exitCode] = (await once(child, 'close')) as [number];
    assert.equal(exitCode, 69);
    assert.match(errors, new RegExp(`^tidegate: port ${port} is in use by another program; .*${option} PORT\\n$`));
  }
});
