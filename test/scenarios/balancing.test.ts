// Balancing over real connections and workers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTidegate } from '../support/gateway.ts';
import { ok, startOrigin } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

test('round robin gives each endpoint its weight', async (t) => {
  const [first, second] = [await startOrigin(t), await startOrigin(t)];
  const gateway = await startTidegate(
    t,
    `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: [{ address: '${first.address}', weight: 3 }, '${second.address}'] } }
`,
  );
  const client = await connectRaw(t, gateway.port());
  for (let turn = 0; turn < 40; turn++) await client.request(GET);
  assert.deepEqual([first.requests.length, second.requests.length], [30, 10]);
});

test('least requests counts what is in flight over all workers', async (t) => {
  const stuck = await startOrigin(t, () => undefined);
  const free = await startOrigin(t, () => undefined);
  const gateway = await startTidegate(
    t,
    `
workers: 2
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { balancer: least-requests, endpoints: ['${stuck.address}', '${free.address}'] } }
`,
  );
  // Each connection may land on either worker; what is in flight is seen by both, so that the two stay level.
  for (let count = 1; count <= 20; count++) {
    const client = await connectRaw(t, gateway.port());
    void client.send(GET);
    while (stuck.requests.length + free.requests.length < count) await new Promise((resolve) => setTimeout(resolve, 2));
    assert.ok(Math.abs(stuck.requests.length - free.requests.length) <= 1);
  }
});

test('a consistent hash sends a key to one endpoint over all workers, and to the next one while that is down', async (t) => {
  const origins = [await startOrigin(t), await startOrigin(t), await startOrigin(t)];
  const gateway = await startTidegate(
    t,
    `
workers: 2
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams:
  app:
    balancer: { type: consistent-hash, key: { header: x-user } }
    endpoints: [${origins.map(({ address }) => `'${address}'`).join(', ')}]
`,
  );
  const ask = async () => {
    const client = await connectRaw(t, gateway.port());
    const { status } = await client.request('GET / HTTP/1.1\r\nHost: a\r\nX-User: ada\r\n\r\n');
    client.socket.destroy();
    assert.equal(status, 200);
  };
  for (let turn = 0; turn < 12; turn++) await ask();
  const owners = origins.filter(({ requests }) => requests.length > 0);
  assert.equal(owners.length, 1);
  await owners[0]?.stop('reset');
  for (let turn = 0; turn < 12; turn++) await ask();
  const heirs = origins.filter((origin) => origin !== owners[0] && origin.requests.length > 0);
  assert.equal(heirs.length, 1, 'one key is served by two endpoints');
  assert.equal(heirs[0]?.requests.length, 12);
});

test('a split sends each upstream its share', async (t) => {
  const [site, next] = [await startOrigin(t), await startOrigin(t, () => ok('next'))];
  const gateway = await startTidegate(
    t,
    `
routes:
  - name: all
    match: { path: /* }
    upstream: { split: [{ upstream: site, weight: 80 }, { upstream: next, weight: 20 }] }
upstreams:
  site: { endpoints: ['${site.address}'] }
  next: { endpoints: ['${next.address}'] }
`,
  );
  const client = await connectRaw(t, gateway.port());
  for (let turn = 0; turn < 500; turn++) await client.request(GET);
  // Drawn by chance: 100 expected, with a standard deviation of 9; seven of them happen by chance once in 10^11 runs.
  assert.ok(Math.abs(next.requests.length - 100) < 63, `${next.requests.length}`);
});

test('a rate limit is exact over all workers, and tells what is left', async (t) => {
  const origin = await startOrigin(t);
  const gateway = await startTidegate(
    t,
    `
workers: 4
routes:
  - name: all
    match: { path: /* }
    policies: [{ type: rate-limit, key: client-address, rate: 1/h, burst: 50 }]
    upstream: app
upstreams: { app: { endpoints: ['${origin.address}'] } }
`,
  );
  const clients = await Promise.all(Array.from({ length: 16 }, () => connectRaw(t, gateway.port())));
  const rounds = Array.from({ length: 6 });
  const results: number[] = [];
  for (const _ of rounds) {
    const responses = await Promise.all(clients.map((client) => client.request(GET)));
    for (const response of responses) {
      results.push(response.status);
      assert.ok(response.field('ratelimit'), 'every response tells what is left');
      if (response.status === 429) assert.match(response.field('retry-after') ?? '', /^\d+$/);
    }
  }
  assert.equal(results.filter((status) => status === 200).length, 50);
  assert.equal(results.filter((status) => status === 429).length, 46);
  assert.equal(origin.requests.length, 50);

  // Another client has a bucket of its own, and a reload keeps what was taken.
  const other = await connectRaw(t, gateway.port(), { from: '127.0.0.2' });
  assert.equal((await other.request(GET)).status, 200);
  await gateway.adminFetch('/reload', 'POST');
  const client = await connectRaw(t, gateway.port());
  assert.equal((await client.request(GET)).status, 429);
});
