// Upstreams that were scaled to zero: requests wait while a hook starts them, and go on when an endpoint is there.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseConfiguration, referencesFor } from '#config/load.ts';
import { startTidegate, type TestGateway } from '../support/gateway.ts';
import { type Origin, ok, startOrigin } from '../support/origin.ts';
import { closedPort } from '../support/ports.ts';
import { connectRaw } from '../support/raw-client.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

const configuration = (upstream: string) => `
workers: 2
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { ${upstream} } }
`;

const NO_CONTENT = 'HTTP/1.1 204 No Content\r\n\r\n';

/** A hook that waits to be told what it does before it answers. */
async function startHook(t: TestContext, act: () => unknown): Promise<Origin & { readonly url: string }> {
  const hook = await startOrigin(t, async () => {
    await act();
    return NO_CONTENT;
  });
  return Object.assign(hook, { url: `http://${hook.address}/wake` });
}

const waiting = (gateway: TestGateway) => gateway.metric('tidegate_upstream_waiting{upstream="app"}');

async function untilWaiting(gateway: TestGateway, count: number): Promise<void> {
  while ((await waiting(gateway)) !== count) await new Promise((resolve) => setTimeout(resolve, 10));
}

async function askAll(t: TestContext, gateway: TestGateway, count: number) {
  const clients = await Promise.all(Array.from({ length: count }, () => connectRaw(t, gateway.port())));
  return clients.map((client) => client.request(GET));
}

test('requests of an upstream without endpoints wait over all workers for one hook, and outlive the reload it causes', async (t) => {
  const origin = await startOrigin(t, () => ok('awake'));
  let wake = (): void => {};
  const woken = new Promise<void>((resolve) => {
    wake = resolve;
  });
  const hook = await startHook(t, () => woken);
  const options = `wake: { url: '${hook.url}', headers: { authorization: Bearer x } }`;
  const gateway = await startTidegate(t, configuration(`endpoints: [], ${options}`));
  const answers = await askAll(t, gateway, 8);
  await untilWaiting(gateway, 8);
  wake();
  await gateway.write(configuration(`endpoints: ['${origin.address}'], ${options}`));
  for (const answer of answers) assert.equal((await answer).body, 'awake');
  assert.equal(hook.requests.length, 1);
  assert.equal(hook.last.method, 'POST');
  assert.match(hook.last.head, /authorization: Bearer x/i);
  assert.equal(hook.last.body, '{"upstream":"app"}');
  assert.equal(await waiting(gateway), 0);
});

test('an endpoint that is down is woken up instead of asked in panic, and gets requests when a probe finds it well', async (t) => {
  const port = await closedPort();
  const hook = await startHook(t, () => startOrigin(t, () => ok('awake'), { port }));
  const gateway = await startTidegate(
    t,
    configuration(
      `endpoints: ['127.0.0.1:${port}'], health: { type: http, interval: 50ms, healthy: 1 }, wake: { url: '${hook.url}' }`,
    ),
  );
  await gateway.untilAdmin<{ endpoints: { status: string }[] }>(
    '/upstreams/app',
    ({ endpoints }) => endpoints[0]?.status === 'unhealthy',
  );
  for (const answer of await askAll(t, gateway, 4)) assert.equal((await answer).body, 'awake');
  assert.equal(hook.requests.length, 1);
  assert.ok((await gateway.untilRecords(4)).every(({ attempts }) => attempts === 1));
});

async function listFile(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-test-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'list.yaml');
  await writeFile(path, '[]');
  return path;
}

test('a connection of a TCP listener waits too, and what the client sent meanwhile is not lost; the hook may be a command', async (t) => {
  const origin = await startOrigin(t, () => ok('awake'));
  const list = await listFile(t);
  const gateway = await startTidegate(
    t,
    `
listeners: { db: { address: '127.0.0.1:0', protocol: tcp, upstream: db } }
upstreams:
  db:
    resolve: { type: file, path: '${list}', interval: 20ms, on-empty: clear }
    wake: { command: [sh, -c, 'test "$TIDEGATE_UPSTREAM" = db && echo "[''${origin.address}'']" > ${list}'] }
`,
  );
  const client = await connectRaw(t, gateway.port());
  assert.equal((await client.request(GET)).body, 'awake');
  assert.equal((await gateway.untilLogged('the wake hook of an upstream has ended well')).upstream, 'db');
});

test('who waits too long is answered 503, and a hook that fails is called again after the cool-down', async (t) => {
  const hook = await startOrigin(t, () => 'HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n');
  const gateway = await startTidegate(
    t,
    configuration(`endpoints: [], wake: { url: 'http://${hook.address}/', timeout: 3s, cool-down: 100ms }`),
  );
  const [answer] = await askAll(t, gateway, 1);
  const response = await answer;
  assert.equal(response?.status, 503);
  assert.ok(response?.field('retry-after'));
  assert.equal(JSON.parse(response?.body ?? '{}').code, 'upstream-waking');
  assert.equal((await gateway.untilLogged('the wake hook of an upstream failed')).reason, 'status 500');
  assert.ok(hook.requests.length >= 2);
  const [record] = await gateway.untilRecords(1);
  assert.equal(record?.phase, 'waking');
});

test('no more requests wait than may, and who leaves makes room', async (t) => {
  const hook = await startHook(t, () => {});
  const gateway = await startTidegate(
    t,
    `workers: 1\n${configuration(`endpoints: [], wake: { url: '${hook.url}', max-waiting: 1 }`).replace('workers: 2', '')}`,
  );
  const first = await connectRaw(t, gateway.port());
  void first.send(GET);
  await untilWaiting(gateway, 1);
  const second = await connectRaw(t, gateway.port());
  assert.equal((await second.request(GET)).status, 503);
  first.abort();
  await untilWaiting(gateway, 0);
  void second.send(GET);
  await untilWaiting(gateway, 1);
});

test('a configuration is told what a wake-up needs', (t) => {
  const problems = (upstream: string) => {
    const text = `version: 1\nlisteners: { web: { address: '127.0.0.1:0' } }\n${configuration(upstream)}`;
    try {
      parseConfiguration(text, referencesFor('.', {}));
      return [];
    } catch (error) {
      return (error as { problems: { message: string }[] }).problems.map(({ message }) => message);
    }
  };
  t.assert.deepEqual(problems('endpoints: [], wake: { url: http://127.0.0.1/ }'), []);
  t.assert.deepEqual(problems('endpoints: [], resolve: { type: file, path: a }'), []);
  t.assert.deepEqual(problems('endpoints: []'), ['an upstream needs at least one endpoint, or wake to get some']);
  t.assert.deepEqual(problems('endpoints: [], wake: {}'), ['needs exactly one of command and url']);
  t.assert.equal(problems('endpoints: [], wake: { url: ftp://a/ }')[0], '"ftp://a/" is no http or https URL');
});
