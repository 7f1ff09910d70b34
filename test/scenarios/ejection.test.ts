// Ejection by what real requests show: failures in a row by their kind, and outliers by success rate and latency.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startTidegate, type TestGateway } from '../support/gateway.ts';
import { type OnRequest, type Origin, ok, startOrigin } from '../support/origin.ts';
import { connectRaw, type RawClient } from '../support/raw-client.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

interface EndpointView {
  readonly name: string;
  readonly status: string;
  readonly reason: string;
  readonly history: readonly { readonly status: string; readonly reason: string }[];
}

interface UpstreamView {
  readonly endpoints: readonly EndpointView[];
}

const answer = (status: number): string => `HTTP/1.1 ${status} X\r\nContent-Length: 0\r\n\r\n`;

/** A gateway before one origin for each of `answers`, all of the upstream `app` with `options`. */
async function start(t: TestContext, answers: readonly OnRequest[], options: string) {
  const origins: Origin[] = [];
  for (const onRequest of answers) origins.push(await startOrigin(t, onRequest));
  const gateway = await startTidegate(
    t,
    `
workers: 2
listeners: { web: { address: '127.0.0.1:0', limits: { requests: 1000000 } } }
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams:
  app: { endpoints: [${origins.map(({ address }) => `'${address}'`).join(', ')}], balancer: round-robin, retry: { attempts: 1 }, ${options} }
`,
  );
  return { gateway, origins, client: await connectRaw(t, gateway.port()) };
}

/** Sends requests, whatever comes of them, until the endpoint has the status. */
async function untilStatus(
  { gateway, client, origin }: { gateway: TestGateway; client: RawClient; origin: Origin | undefined },
  status: string,
): Promise<EndpointView> {
  for (;;) {
    for (let turn = 0; turn < 25; turn++) await client.request(GET);
    const { endpoints } = await gateway.admin<UpstreamView>('/upstreams/app');
    const found = endpoints.find((endpoint) => endpoint.name === origin?.address);
    if (found?.status === status) return found;
  }
}

const well: OnRequest = () => ok();

test('a kind that is named ejects, and the reason names it', async (t) => {
  const { gateway, origins, client } = await start(
    t,
    [well, () => answer(500)],
    'eject: { after: 3, on: [server-error] }',
  );
  const { reason } = await untilStatus({ gateway, client, origin: origins[1] }, 'ejected');
  assert.equal(reason, '3 failures in a row, the last: server-error');
  const labels = `upstream="app",endpoint="${origins[1]?.address}"`;
  assert.equal(await gateway.metric(`tidegate_endpoint_ejections_total{${labels},reason="consecutive"}`), 1);
  assert.equal(await gateway.metric(`tidegate_endpoint_ejections_total{${labels},reason="latency"}`), 0);
});

test('a kind that is not named does not', async (t) => {
  const { gateway, client } = await start(t, [well, () => answer(503)], 'eject: { after: 3, on: [connect, timeout] }');
  for (let turn = 0; turn < 40; turn++) await client.request(GET);
  const { endpoints } = await gateway.admin<UpstreamView>('/upstreams/app');
  assert.deepEqual(
    endpoints.map(({ status }) => status),
    ['unknown', 'unknown'],
  );
});

test('a connection that is cut counts as reset', async (t) => {
  const cut: OnRequest = (_request, { socket }) => void socket.resetAndDestroy() as undefined;
  const { gateway, origins, client } = await start(t, [well, cut], 'eject: { after: 2, on: [reset] }');
  const { reason } = await untilStatus({ gateway, client, origin: origins[1] }, 'ejected');
  assert.equal(reason, '2 failures in a row, the last: reset');
});

test('an endpoint that fails more of its requests than the others is ejected by its success rate, and comes back', async (t) => {
  let turn = 0;
  let isFailing = true;
  const flaky: OnRequest = () => (isFailing && ++turn % 2 === 0 ? answer(500) : ok());
  const { gateway, origins, client } = await start(
    t,
    [well, well, well, well, flaky],
    'eject: { after: 0, time: 3s, window: 500ms, success-rate: { min-requests: 10 } }',
  );
  const origin = origins[4];
  const { reason } = await untilStatus({ gateway, client, origin }, 'ejected');
  assert.match(
    reason,
    /^success rate \d\d\.\d% of \d+ requests; the 5 endpoints have \d\d\.\d% on average, and the least allowed is \d\d\.\d%$/,
  );
  const { upstream, endpoint, level } = await gateway.untilLogged('endpoint is ejected');
  assert.deepEqual([upstream, endpoint, level], ['app', origin?.address, 'warn']);
  const labels = `upstream="app",endpoint="${origin?.address}"`;
  assert.equal(await gateway.metric(`tidegate_endpoint_ejections_total{${labels},reason="success-rate"}`), 1);
  assert.equal(await gateway.metric(`tidegate_endpoint_status{${labels},status="ejected"}`), 1);

  isFailing = false;
  const { history } = await untilStatus({ gateway, client, origin }, 'unknown');
  assert.deepEqual(
    history.map(({ status }) => status),
    ['ejected', 'unknown'],
  );
  assert.equal(history[1]?.reason, 'back after ejection');
});

test('an endpoint that answers far slower than the others is ejected by its latency', async (t) => {
  const slow: OnRequest = async () => {
    await new Promise((resolve) => setTimeout(resolve, 300));
    return ok();
  };
  const { gateway, origins, client } = await start(
    t,
    [well, well, slow],
    'eject: { window: 4s, latency: { min-requests: 5, min-latency: 100ms } }',
  );
  const { reason } = await untilStatus({ gateway, client, origin: origins[2] }, 'ejected');
  assert.match(reason, /^\d+ ms on average over \d+ requests; the median of the other 2 endpoints is [\d.]+ ms$/);
  const { endpoints } = await gateway.admin<UpstreamView>('/upstreams/app');
  assert.deepEqual(
    endpoints.map(({ status }) => status),
    ['unknown', 'unknown', 'ejected'],
  );
});

test('with too few requests nobody is an outlier', async (t) => {
  const { gateway, client, origins } = await start(
    t,
    [well, well, well, well, () => answer(500)],
    'eject: { window: 200ms, success-rate: { min-requests: 100000 }, after: 1, on: [connect] }',
  );
  for (let turn = 0; turn < 100; turn++) await client.request(GET);
  // So many attempts have been counted by then, and several windows are over.
  await gateway.untilAdmin<{ uptimeMs: number }>('/status', ({ uptimeMs }) => uptimeMs > 1500);
  const labels = `upstream="app",endpoint="${origins[4]?.address}"`;
  assert.equal(await gateway.metric(`tidegate_endpoint_attempt_failures_total{${labels}}`), 20);
  const { endpoints } = await gateway.admin<UpstreamView>('/upstreams/app');
  assert.ok(endpoints.every(({ status }) => status === 'unknown'));
});
