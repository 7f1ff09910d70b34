// WebSockets whose endpoint drains or is taken out: they stay as long as they may, and then go elsewhere, in order where that is possible.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startTidegate, type TestGateway } from '../support/gateway.ts';
import { echo, openWs, startWsOrigin, type WsOrigin } from '../support/websocket.ts';

const configuration = (origins: readonly WsOrigin[], timeouts: string, policies: string) => `
policies: [${policies}]
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams:
  app:
    balancer: first-fit
    endpoints: [${origins.map(({ address }) => `'${address}'`).join(', ')}]
    timeouts: { ${timeouts} }
`;

const POLICY = '{ type: websocket, close-spread: 100ms }';

const drain = (gateway: TestGateway, { address }: WsOrigin, method: 'POST' | 'DELETE') =>
  gateway.adminFetch(`/upstreams/app/endpoints/${address}/drain`, method);

async function start(t: TestContext, timeouts: string, policies = POLICY) {
  const origins = [await startWsOrigin(t, echo), await startWsOrigin(t, echo)] as const;
  const gateway = await startTidegate(t, configuration(origins, timeouts, policies));
  const client = await openWs(t, gateway.port());
  return { origins, gateway, client, peer: await origins[0].accept() };
}

test('a WebSocket to an endpoint that drains gets 1001 on both sides when tunnel-drain is over', async (t) => {
  const { origins, gateway, client, peer } = await start(t, 'tunnel-drain: 300ms');
  await drain(gateway, origins[0], 'POST');
  assert.deepEqual(await client.closed, { code: 1001, reason: 'the server is going away' });
  assert.equal((await peer.closed).code, 1001);
  const [record] = await gateway.untilRecords(1);
  assert.deepEqual([record?.closed_by, record?.close_code, record?.error], ['drained', 1001, undefined]);
  const next = await openWs(t, gateway.port());
  await origins[1].accept();
  next.send('again');
  assert.equal(await next.next(), 'again');
});

test('a WebSocket to an endpoint that a reload has taken out gets 1001 as well', async (t) => {
  const { origins, gateway, client, peer } = await start(t, 'tunnel-drain: 300ms');
  await gateway.write(configuration([origins[1]], 'tunnel-drain: 300ms', POLICY));
  assert.equal((await client.closed).code, 1001);
  assert.equal((await peer.closed).code, 1001);
});

test('a tunnel that nobody looks at is cut off when tunnel-drain is over', async (t) => {
  const { origins, gateway, client } = await start(t, 'tunnel-drain: 300ms', '');
  await drain(gateway, origins[0], 'POST');
  assert.equal((await client.closed).code, 1006);
  const [record] = await gateway.untilRecords(1);
  assert.equal(record?.closed_by, 'drained');
});

test('a WebSocket goes on where its endpoint takes requests again in time', async (t) => {
  const { origins, gateway, client } = await start(t, 'tunnel-drain: 2s');
  await drain(gateway, origins[0], 'POST');
  await drain(gateway, origins[0], 'DELETE');
  // Longer than it might have stayed.
  await new Promise((resolve) => setTimeout(resolve, 2500));
  client.send('still here');
  assert.equal(await client.next(), 'still here');
});

test('without tunnel-drain a WebSocket stays where it is', async (t) => {
  const { origins, gateway, client } = await start(t, 'tunnel-idle: 1m');
  await drain(gateway, origins[0], 'POST');
  await gateway.write(configuration([origins[1]], 'tunnel-idle: 1m', POLICY));
  await gateway.untilAdmin<{ generation: number }>('/status', ({ generation }) => generation > 1);
  client.send('still here');
  assert.equal(await client.next(), 'still here');
});
