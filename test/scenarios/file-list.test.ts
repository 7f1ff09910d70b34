// Endpoints from a file: the gateway follows it without a reload, and requests under way are not touched.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startTidegate } from '../support/gateway.ts';
import { ok, startOrigin } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

test('requests go where the file says, and what is under way ends where it began', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-test-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'endpoints.json');
  const slow = await startOrigin(t, async () => {
    await new Promise((resolve) => setTimeout(resolve, 600));
    return ok('slow');
  });
  const next = await startOrigin(t, () => ok('next'));
  await writeFile(path, JSON.stringify([slow.address]));
  const gateway = await startTidegate(
    t,
    `
workers: 2
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { resolve: { type: file, path: '${path}', interval: 20ms } } }
`,
  );
  const endpoints = async (address: string) =>
    await gateway.untilAdmin<{ endpoints: { name: string }[] }>('/upstreams/app', (view) =>
      view.endpoints.some(({ name }) => name === address),
    );
  await endpoints(slow.address);
  const first = await connectRaw(t, gateway.port());
  await first.send(GET);
  while (slow.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await writeFile(path, JSON.stringify([next.address]));
  await endpoints(next.address);
  for (let turn = 0; turn < 8; turn++) {
    const client = await connectRaw(t, gateway.port());
    assert.equal((await client.request(GET)).body, 'next');
  }
  assert.equal((await first.response()).body, 'slow');
});
