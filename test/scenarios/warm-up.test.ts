// Endpoints that are found while the gateway runs and must pass their probes before they get requests.
import assert from 'node:assert/strict';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startTidegate } from '../support/gateway.ts';
import { ok, startOrigin } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const PROBE =
  'health: { type: http, path: /healthz, interval: 50ms, timeout: 2s, healthy: 3, unhealthy: 100, initial: must-pass }';

interface UpstreamView {
  readonly endpoints: readonly {
    readonly name: string;
    readonly status: string;
    readonly reason: string;
    readonly history: readonly { readonly status: string; readonly reason: string }[];
  }[];
}

/** An origin whose probes are answered by `state.well`, and how many of them and of requests it has got. */
async function probedOrigin(t: TestContext, state: { well: boolean } = { well: true }) {
  const origin = await startOrigin(t, ({ target }) =>
    target === '/healthz' && !state.well ? 'HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n' : ok(),
  );
  const count = (path: string) => origin.requests.filter(({ target }) => target === path).length;
  return { address: origin.address, probes: () => count('/healthz'), requests: () => count('/') };
}

/** A list of endpoints that a gateway follows; `write` replaces it whole. */
async function listFile(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-test-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'endpoints.json');
  const write = async (...origins: readonly { readonly address: string }[]) => {
    await writeFile(`${path}.new`, JSON.stringify(origins.map(({ address }) => address)));
    await rename(`${path}.new`, path);
  };
  return { path, write };
}

test('an endpoint found later gets no request before it has passed its probes, and its share from then on', async (t) => {
  const state = { well: false };
  const [first, second] = [await probedOrigin(t), await probedOrigin(t, state)];
  const { path, write } = await listFile(t);
  await write(first);
  const gateway = await startTidegate(
    t,
    `
workers: 2
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { resolve: { type: file, path: '${path}', interval: 20ms }, ${PROBE} } }
`,
  );
  const until = (address: string, status: string, reason: RegExp) =>
    gateway.untilAdmin<UpstreamView>('/upstreams/app', ({ endpoints }) =>
      endpoints.some((one) => one.name === address && one.status === status && reason.test(one.reason)),
    );
  await until(first.address, 'healthy', /200/);
  await write(first, second);
  await until(second.address, 'warming', /^probe: status 503$/);
  const client = await connectRaw(t, gateway.port());
  for (let turn = 0; turn < 10; turn++) assert.equal((await client.request(GET)).status, 200);
  assert.equal(second.requests(), 0);
  const labels = `upstream="app",endpoint="${second.address}"`;
  assert.equal(await gateway.metric(`tidegate_endpoint_status{${labels},status="warming"}`), 1);
  assert.equal(await gateway.metric(`tidegate_endpoint_status{${labels},status="healthy"}`), 0);
  assert.equal(await gateway.metric(`tidegate_endpoint_usable{${labels}}`), 0);

  state.well = true;
  const { endpoints } = await until(second.address, 'healthy', /^probe: status 200$/);
  for (let turn = 0; turn < 10; turn++) await client.request(GET);
  assert.equal(second.requests(), 5);
  const changes = endpoints.find(({ name }) => name === second.address)?.history;
  assert.deepEqual(
    changes?.map(({ status, reason }) => `${status}: ${reason}`),
    ['warming: must pass its probes first', 'healthy: probe: status 200'],
  );
});

test('an endpoint that was gone and comes back must pass its probes anew', async (t) => {
  const state = { well: true };
  const [first, second] = [await probedOrigin(t), await probedOrigin(t, state)];
  const { path, write } = await listFile(t);
  await write(first, second);
  const gateway = await startTidegate(
    t,
    `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { resolve: { type: file, path: '${path}', interval: 20ms }, ${PROBE} } }
`,
  );
  const until = (wanted: string) =>
    gateway.untilAdmin<UpstreamView>(
      '/upstreams/app',
      ({ endpoints }) => endpoints.map(({ status }) => status).join(' ') === wanted,
    );
  await until('healthy healthy');
  await write(first);
  await until('healthy');
  state.well = false;
  await write(first, second);
  await until('healthy warming');
});

test('where all endpoints are new there is nobody to wait for them', async (t) => {
  const origin = await probedOrigin(t, { well: false });
  const gateway = await startTidegate(t, 'routes: [{ match: { path: /* }, respond: { body: soon } }]');
  await gateway.write(`
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['${origin.address}'], ${PROBE} } }
`);
  await gateway.untilAdmin<{ generation: number }>('/status', ({ generation }) => generation === 2);
  const client = await connectRaw(t, gateway.port());
  assert.equal((await client.request(GET)).status, 200);
  const { endpoints } = await gateway.admin<UpstreamView>('/upstreams/app');
  assert.equal(endpoints[0]?.status, 'warming');
});

test('endpoints of the first configuration take requests at once', async (t) => {
  const origin = await probedOrigin(t, { well: true });
  const gateway = await startTidegate(
    t,
    `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['${origin.address}'], panic-threshold: 0%, ${PROBE} } }
`,
  );
  const client = await connectRaw(t, gateway.port());
  assert.equal((await client.request(GET)).status, 200);
});
