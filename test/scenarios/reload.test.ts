// Changes of the configuration while the gateway runs: taken over whole, or not at all.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startTidegate, type TestGateway } from '../support/gateway.ts';
import { ok, startOrigin } from '../support/origin.ts';
import { connectRaw, exchange } from '../support/raw-client.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

const saying = (text: string) => `
routes: [{ name: all, match: { path: /* }, respond: { body: ${text} } }]
`;

interface Status {
  readonly generation: number;
  readonly lastReload: { readonly ok: boolean; readonly problems: readonly string[] } | null;
  readonly listeners: readonly { readonly name: string; readonly address: string }[];
}

async function untilGeneration(gateway: TestGateway, generation: number): Promise<Status> {
  return await gateway.untilAdmin<Status>('/status', (status) => status.generation >= generation);
}

test('a saved file is taken over by itself', async (t) => {
  const gateway = await startTidegate(t, saying('one'));
  await gateway.write(saying('two'));
  await untilGeneration(gateway, 2);
  assert.equal((await exchange(t, gateway.port(), GET)).body, 'two');
});

test('SIGHUP reads the file again', async (t) => {
  const gateway = await startTidegate(t, saying('one'), { env: {} });
  gateway.child.kill('SIGHUP');
  await untilGeneration(gateway, 2);
  assert.equal((await exchange(t, gateway.port(), GET)).body, 'one');
});

test('the admin API reloads and tells the generation', async (t) => {
  const gateway = await startTidegate(t, saying('one'));
  const answer = await gateway.admin<{ ok: boolean; generation: number }>('/reload', 'POST');
  assert.deepEqual([answer.ok, answer.generation], [true, 2]);
});

test('a file with mistakes changes nothing, and each mistake is told with its line and column', async (t) => {
  const gateway = await startTidegate(t, saying('one'));
  await gateway.write(`
routes:
  - name: all
    match: { path: /* }
    respnd: { body: two }
  - name: other
    match: { path: /x, method: GET }
    upstream: nowhere
`);
  const line = await gateway.untilLogged('the new configuration is refused; the old one stays in use');
  const problems = line.problems as readonly string[];
  assert.ok(problems.length >= 3, problems.join('\n'));
  for (const problem of problems) assert.match(problem, /tidegate\.yaml:\d+:\d+: /);
  assert.ok(problems.some((problem) => problem.includes('did you mean "respond"')));
  assert.equal((await exchange(t, gateway.port(), GET)).body, 'one');
  const status = await gateway.admin<Status>('/status');
  assert.equal(status.generation, 1);
  assert.equal(status.lastReload?.ok, false);
  const answer = await gateway.adminFetch('/reload', 'POST');
  assert.equal(answer.status, 422);
});

test('a file that is no YAML changes nothing', async (t) => {
  const gateway = await startTidegate(t, saying('one'));
  await gateway.write('routes: [');
  await gateway.untilLogged('the new configuration is refused; the old one stays in use');
  assert.equal((await exchange(t, gateway.port(), GET)).body, 'one');
});

test('an exchange under way keeps the configuration it began with, and the connection goes on with the new one', async (t) => {
  let finish = () => {};
  const origin = await startOrigin(t, async () => {
    await new Promise<void>((resolve) => (finish = resolve));
    return ok('body');
  });
  const through = (value: string) => `
routes:
  - name: all
    match: { path: /* }
    policies: [{ type: headers, response: { set: { x-generation: '${value}' } } }]
    upstream: app
upstreams: { app: { endpoints: ['${origin.address}'] } }
`;
  const gateway = await startTidegate(t, through('old'));
  const client = await connectRaw(t, gateway.port());
  const response = client.request(GET);
  while (origin.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await gateway.write(through('new'));
  await untilGeneration(gateway, 2);
  finish();
  assert.equal((await response).field('x-generation'), 'old');
  const next = client.request(GET);
  while (origin.requests.length === 1) await new Promise((resolve) => setTimeout(resolve, 5));
  finish();
  assert.equal((await next).field('x-generation'), 'new');
});

test('a listener is added and taken away', async (t) => {
  const gateway = await startTidegate(t, saying('one'));
  const both = `listeners: { web: { address: '127.0.0.1:0' }, more: { address: '127.0.0.1:0' } }\n${saying('two')}`;
  await gateway.write(both);
  const status = await untilGeneration(gateway, 2);
  const more = Number(status.listeners.find(({ name }) => name === 'more')?.address.split(':')[1]);
  assert.equal((await exchange(t, more, GET)).body, 'two');
  assert.equal((await exchange(t, gateway.port(), GET)).body, 'two');
  await gateway.write(saying('three'));
  await untilGeneration(gateway, 3);
  await assert.rejects(connectRaw(t, more));
  assert.equal((await exchange(t, gateway.port(), GET)).body, 'three');
});

test('a listener whose port is taken refuses the whole change', async (t) => {
  const blocker = createServer().listen(0, '127.0.0.1');
  t.after(() => blocker.close());
  await once(blocker, 'listening');
  const { port } = blocker.address() as AddressInfo;
  const gateway = await startTidegate(t, saying('one'));
  await gateway.write(
    `listeners: { web: { address: '127.0.0.1:0' }, more: { address: '127.0.0.1:${port}' } }\n${saying('two')}`,
  );
  const line = await gateway.untilLogged('the new configuration is refused; the old one stays in use');
  assert.match(String(line.problems), new RegExp(`${port}`));
  assert.equal((await exchange(t, gateway.port(), GET)).body, 'one');
});

test('a route may name an environment variable, and a secret does not show in the effective configuration', async (t) => {
  const gateway = await startTidegate(
    t,
    `
routes:
  - name: all
    match: { path: /* }
    policies: [{ type: basic-auth, users: [{ name: me, password: '\${env:TEST_PASSWORD}' }] }]
    respond: { body: in }
`,
    { env: { TEST_PASSWORD: 'very-secret' } },
  );
  const authorization = Buffer.from('me:very-secret').toString('base64');
  const inside = await exchange(
    t,
    gateway.port(),
    `GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Basic ${authorization}\r\n\r\n`,
  );
  assert.equal(inside.body, 'in');
  assert.equal((await exchange(t, gateway.port(), GET)).status, 401);
  const text = await (await gateway.adminFetch('/config')).text();
  assert.equal(text.includes('very-secret'), false);
});

test('a change that the workers refuse leaves endpoints and limits as they were', async (t) => {
  const finish: (() => void)[] = [];
  const origin = await startOrigin(t, async () => {
    await new Promise<void>((resolve) => finish.push(resolve));
    return ok('whole');
  });
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-test-'));
  t.after(() => rm(folder, { recursive: true }));
  const list = join(folder, 'endpoints.yaml');
  await writeFile(list, `['${origin.address}']`);
  const configuration = (path: string, pool: string, log: string) => `
logs: { access: { to: ${log} } }
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { resolve: { type: file, path: '${path}' }, pool: ${pool} } }
`;
  const gateway = await startTidegate(t, configuration(list, '{}', 'off'));
  const names = async () =>
    (await gateway.admin<{ endpoints: { name: string }[] }>('/upstreams/app')).endpoints.map(({ name }) => name);
  await gateway.untilAdmin<{ endpoints: unknown[] }>('/upstreams/app', ({ endpoints }) => endpoints.length === 1);
  await rm(list);
  await gateway.write(configuration(`${list}.other`, '{ max-connections: 1, max-waiting: 0 }', '/nowhere/access.log'));
  const { problems } = await gateway.untilLogged('the new configuration is refused; the old one stays in use');
  assert.match(String(problems), /\/nowhere\/access\.log/);
  assert.deepEqual(await names(), [origin.address]);
  const clients = [await connectRaw(t, gateway.port()), await connectRaw(t, gateway.port())];
  const answers = clients.map((client) => client.request(GET));
  while (finish.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  for (const end of finish) end();
  assert.deepEqual(
    (await Promise.all(answers)).map(({ status }) => status),
    [200, 200],
  );
});
