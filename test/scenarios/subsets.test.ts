// Routes that choose a subset of an upstream by labels, over real connections and workers.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startTidegate, type TestGateway } from '../support/gateway.ts';
import { type Origin, ok, startOrigin } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';

const get = (target: string) => `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`;

async function startOrigins(t: TestContext): Promise<readonly Origin[]> {
  return await Promise.all(['v1', 'v1', 'v2', 'v2'].map((version) => startOrigin(t, () => ok(version))));
}

const listed = (origins: readonly Origin[]) =>
  origins.map(({ address }, i) => `{ address: '${address}', labels: { version: ${i < 2 ? 'v1' : 'v2'} } }`).join(', ');

/** The answers to so many requests: each body with how often it came. */
async function tally(t: TestContext, gateway: TestGateway, target: string, times: number) {
  const counts: Record<string, number> = {};
  for (let turn = 0; turn < times; turn++) {
    const client = await connectRaw(t, gateway.port());
    const { status, body } = await client.request(get(target));
    client.socket.destroy();
    const answer = status === 200 ? body : String(status);
    counts[answer] = (counts[answer] ?? 0) + 1;
  }
  return counts;
}

test('a route goes to its subset, and a split shares requests out between subsets of one upstream', async (t) => {
  const origins = await startOrigins(t);
  const gateway = await startTidegate(
    t,
    `
workers: 2
routes:
  - { name: next, match: { path: /next }, upstream: { name: app, subset: { version: v2 } } }
  - name: all
    match: { path: /* }
    upstream: { split: [{ upstream: app, weight: 3, subset: { version: v1 } }, { upstream: app, weight: 1, subset: { version: v2 } }] }
upstreams: { app: { endpoints: [${listed(origins)}] } }
`,
  );
  assert.deepEqual(await tally(t, gateway, '/next', 12), { v2: 12 });
  assert.ok(origins.slice(2).every(({ requests }) => requests.length > 0));
  const shared = await tally(t, gateway, '/', 60);
  // Drawn by chance: 15 expected, with a standard deviation of 3.4; none or all happen once in 10^7 runs.
  assert.ok((shared.v2 ?? 0) > 0 && (shared.v1 ?? 0) > 0, JSON.stringify(shared));
  const [{ action } = { action: '' }] = (await gateway.admin<{ routes: { action: string }[] }>('/routes')).routes;
  assert.equal(action, 'upstream app[version=v2]');
});

test('a retry and a change of health stay within the subset', async (t) => {
  const origins = await startOrigins(t);
  const gateway = await startTidegate(
    t,
    `
routes: [{ name: all, match: { path: /* }, upstream: { name: app, subset: { version: v2 } } }]
upstreams: { app: { endpoints: [${listed(origins)}] } }
`,
  );
  await origins[2]?.stop('reset');
  assert.deepEqual(await tally(t, gateway, '/', 8), { v2: 8 });
  await origins[3]?.stop('reset');
  const failed = await tally(t, gateway, '/', 8);
  assert.equal(failed.v1, undefined);
});

test('a subset that a list leaves empty answers 503 or falls back, and fills when the list does', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-test-'));
  t.after(() => rm(folder, { recursive: true }));
  const list = join(folder, 'list.yaml');
  const origins = await startOrigins(t);
  const gateway = await startTidegate(
    t,
    `
routes:
  - { name: strict, match: { path: /strict }, upstream: { name: app, subset: { version: v2 } } }
  - { name: lax, match: { path: /lax }, upstream: { name: app, subset: { version: v2 }, when-empty: any } }
  - { name: ready, match: { path: /ready }, upstream: app }
upstreams: { app: { resolve: { type: file, path: '${list}', interval: 20ms } } }
`,
  );
  await writeFile(list, `[${listed(origins.slice(0, 2))}]`);
  await gateway.untilAdmin<{ endpoints: readonly unknown[] }>(
    '/upstreams/app',
    ({ endpoints }) => endpoints.length === 2,
  );
  while ((await tally(t, gateway, '/ready', 1)).v1 !== 1);
  assert.deepEqual(await tally(t, gateway, '/strict', 2), { 503: 2 });
  assert.deepEqual(await tally(t, gateway, '/lax', 2), { v1: 2 });
  await writeFile(list, `[${listed(origins)}]`);
  await gateway.untilAdmin<{ endpoints: readonly unknown[] }>(
    '/upstreams/app',
    ({ endpoints }) => endpoints.length === 4,
  );
  while ((await tally(t, gateway, '/strict', 1)).v2 !== 1);
  assert.deepEqual(await tally(t, gateway, '/strict', 4), { v2: 4 });
  assert.deepEqual(await tally(t, gateway, '/lax', 4), { v2: 4 });
});

test('a TCP listener goes to its subset', async (t) => {
  const origins = await startOrigins(t);
  const gateway = await startTidegate(
    t,
    `
listeners: { db: { address: '127.0.0.1:0', protocol: tcp, upstream: app, subset: { version: v2 } } }
upstreams: { app: { endpoints: [${listed(origins)}] } }
`,
  );
  assert.deepEqual(await tally(t, gateway, '/', 6), { v2: 6 });
});
