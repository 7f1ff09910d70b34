// Which endpoints get requests: probes, passive ejection, panic, draining.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTidegate, type TestGateway } from '../support/gateway.ts';
import { type OnRequest, type Origin, ok, startOrigin } from '../support/origin.ts';
import { closedPort } from '../support/ports.ts';
import { connectRaw, type RawClient } from '../support/raw-client.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

interface UpstreamView {
  readonly endpoints: readonly {
    readonly name: string;
    readonly status: string;
    readonly reason: string;
    readonly ejections: number;
  }[];
}

const configuration = (origins: readonly { readonly address: string }[], options: string) => `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: [${origins.map(({ address }) => `'${address}'`).join(', ')}], ${options} } }
`;

/** Waits until an endpoint has a status. */
async function untilStatus(
  gateway: TestGateway,
  { address }: { readonly address: string },
  status: string,
): Promise<void> {
  await gateway.untilAdmin<UpstreamView>('/upstreams/app', ({ endpoints }) =>
    endpoints.some((endpoint) => endpoint.name === address && endpoint.status === status),
  );
}

/** An origin that answers probes by `well`. */
async function probedOrigin(t: Parameters<typeof startOrigin>[0]): Promise<Origin & { well: boolean }> {
  const state = { well: true };
  const answer: OnRequest = ({ target }) =>
    target === '/healthz' && !state.well ? 'HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n' : ok();
  const origin = await startOrigin(t, answer);
  return Object.defineProperty(origin, 'well', {
    get: () => state.well,
    set: (well: boolean) => {
      state.well = well;
    },
  }) as Origin & { well: boolean };
}

async function statuses(client: RawClient, count: number): Promise<readonly number[]> {
  const seen: number[] = [];
  for (let turn = 0; turn < count; turn++) seen.push((await client.request(GET)).status);
  return seen;
}

const PROBE = 'health: { type: http, path: /healthz, interval: 100ms, timeout: 90ms, healthy: 2, unhealthy: 2 }';

test('an endpoint that fails its probes gets no requests until it passes them again', async (t) => {
  const [first, second] = [await probedOrigin(t), await probedOrigin(t)];
  const gateway = await startTidegate(t, configuration([first, second], PROBE));
  await untilStatus(gateway, first, 'healthy');
  first.well = false;
  await untilStatus(gateway, first, 'unhealthy');
  const count = (origin: Origin) => origin.requests.filter(({ target }) => target === '/').length;
  const client = await connectRaw(t, gateway.port());
  await statuses(client, 10);
  assert.deepEqual([count(first), count(second)], [0, 10]);
  first.well = true;
  await untilStatus(gateway, first, 'healthy');
  await statuses(client, 10);
  assert.equal(count(first), 5);
});

test('a TCP probe tells whether connections are accepted', async (t) => {
  const origin = await startOrigin(t);
  const dead = { address: `127.0.0.1:${await closedPort()}` };
  const gateway = await startTidegate(
    t,
    configuration([origin, dead], 'health: { type: tcp, interval: 100ms, timeout: 90ms, healthy: 1, unhealthy: 1 }'),
  );
  await untilStatus(gateway, dead, 'unhealthy');
  await untilStatus(gateway, origin, 'healthy');
});

test('failures in a row eject an endpoint for a while that grows', async (t) => {
  let broken = true;
  const first = await startOrigin(t, () => (broken ? 'HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n' : ok()));
  const second = await startOrigin(t);
  const gateway = await startTidegate(
    t,
    configuration([first, second], 'eject: { after: 3, time: 300ms, max-time: 2s }'),
  );
  const client = await connectRaw(t, gateway.port());
  assert.ok((await statuses(client, 6)).includes(503));
  await untilStatus(gateway, first, 'ejected');
  assert.deepEqual(new Set(await statuses(client, 6)), new Set([200]));
  broken = false;
  while ((await gateway.admin<UpstreamView>('/upstreams/app')).endpoints[0]?.status === 'ejected') {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const before = first.requests.length;
  await statuses(client, 6);
  assert.equal(first.requests.length, before + 3);
});

test('responses that break off eject an endpoint, and those that do not keep it', async (t) => {
  const large = `HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n${'x'.repeat(50_000)}`;
  const breaksOff = await startOrigin(t, (_request, { socket }) => void socket.end(large));
  const whole = await startOrigin(t, () => `${large}${'x'.repeat(50_000)}`);
  const gateway = await startTidegate(t, configuration([breaksOff, whole], 'eject: { after: 3, time: 1m }'));
  const outcomes: string[] = [];
  while ((await gateway.admin<UpstreamView>('/upstreams/app')).endpoints[0]?.status !== 'ejected') {
    const client = await connectRaw(t, gateway.port());
    outcomes.push(
      await client.request(GET).then(
        () => 'whole',
        () => 'broken',
      ),
    );
  }
  assert.deepEqual(outcomes.filter((outcome) => outcome === 'broken').length, 3);
  for (let turn = 0; turn < 4; turn++)
    assert.equal((await (await connectRaw(t, gateway.port())).request(GET)).status, 200);
});

test('with too few healthy endpoints health is ignored: that is panic', async (t) => {
  const origins = [await probedOrigin(t), await probedOrigin(t), await probedOrigin(t)];
  const gateway = await startTidegate(t, configuration(origins, `${PROBE}, panic-threshold: 50%`));
  for (const origin of origins.slice(1)) {
    origin.well = false;
    await untilStatus(gateway, origin, 'unhealthy');
  }
  const client = await connectRaw(t, gateway.port());
  await statuses(client, 9);
  for (const { requests } of origins) assert.equal(requests.filter(({ target }) => target === '/').length, 3);
});

test('without a usable endpoint the answer is 503 with Retry-After', async (t) => {
  const origin = await probedOrigin(t);
  origin.well = false;
  const gateway = await startTidegate(t, configuration([origin], `${PROBE}, panic-threshold: 0%`));
  await untilStatus(gateway, origin, 'unhealthy');
  const client = await connectRaw(t, gateway.port());
  const response = await client.request(GET);
  assert.equal(response.status, 503);
  assert.match(response.field('retry-after') ?? '', /^\d+$/);
  assert.match(response.field('proxy-status') ?? '', /error=destination_unavailable/);
});

test('when all endpoints are down, panic or not, the answer is 503', async (t) => {
  const dead = [{ address: `127.0.0.1:${await closedPort()}` }, { address: `127.0.0.1:${await closedPort()}` }];
  const gateway = await startTidegate(t, configuration(dead, PROBE));
  for (const endpoint of dead) await untilStatus(gateway, endpoint, 'unhealthy');
  const client = await connectRaw(t, gateway.port());
  const response = await client.request(GET);
  assert.equal(response.status, 503);
  assert.ok(response.field('retry-after'));
});

test('a draining endpoint ends what it has and gets nothing new, until it is taken back', async (t) => {
  let finish = () => {};
  const first = await startOrigin(t, async ({ target }) => {
    if (target === '/slow') await new Promise<void>((resolve) => (finish = resolve));
    return ok();
  });
  const second = await startOrigin(t);
  const gateway = await startTidegate(t, configuration([first, second], 'balancer: round-robin'));
  const client = await connectRaw(t, gateway.port());
  const slow: Promise<{ readonly status: number }>[] = [];
  while (first.requests.length === 0) {
    const connection = await connectRaw(t, gateway.port());
    slow.push(connection.request('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n'));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.equal((await gateway.adminFetch(`/upstreams/app/endpoints/${first.address}/drain`, 'POST')).status, 200);
  const before = first.requests.length;
  assert.deepEqual(new Set(await statuses(client, 6)), new Set([200]));
  assert.equal(first.requests.length, before);
  finish();
  for (const response of slow) assert.equal((await response).status, 200);
  assert.equal((await gateway.adminFetch(`/upstreams/app/endpoints/${first.address}/drain`, 'DELETE')).status, 200);
  await statuses(client, 6);
  assert.equal(first.requests.length, before + 3);
});
