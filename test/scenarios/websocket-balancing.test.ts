// WebSockets among several endpoints: open ones count as load, sessions stay, and a handshake that fails at one endpoint is made at another.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startTidegate } from '../support/gateway.ts';
import { ok, startOrigin } from '../support/origin.ts';
import { closedPort } from '../support/ports.ts';
import { echo, openWs, startWsOrigin, type WsOrigin, type WsPeer } from '../support/websocket.ts';

/** Everything goes to an upstream of these endpoints, with and without the policy. */
const configuration = (endpoints: readonly string[], options: string) => `
workers: 2
routes:
  - { name: passed, match: { path: /passed }, upstream: app }
  - { name: looked-at, match: { path: /looked-at }, policies: [{ type: websocket }], upstream: app }
upstreams: { app: { endpoints: [${endpoints.map((endpoint) => `'${endpoint}'`).join(', ')}], ${options} } }
`;

async function startTwo(t: TestContext): Promise<readonly [WsOrigin, WsOrigin]> {
  return [await startWsOrigin(t, echo), await startWsOrigin(t, echo)];
}

async function close(peer: WsPeer): Promise<void> {
  peer.socket.close();
  await peer.closed;
}

for (const path of ['/passed', '/looked-at']) {
  test(`${path}: least-requests counts open WebSockets, over all workers`, async (t) => {
    const [first, second] = await startTwo(t);
    const gateway = await startTidegate(t, configuration([first.address, second.address], 'balancer: least-requests'));
    const open = async () => await openWs(t, gateway.port(), { path });
    for (let i = 0; i < 6; i++) await open();
    assert.deepEqual([first.open, second.open], [3, 3]);
    for (let i = 0; i < 3; i++) await close(await first.accept());
    await gateway.untilRecords(3);
    for (let i = 0; i < 3; i++) await open();
    assert.deepEqual([first.open, second.open], [3, 3]);
    for (const { address } of [first, second])
      assert.equal(await gateway.metric(`tidegate_endpoint_in_flight{upstream="app",endpoint="${address}"}`), 3);
  });

  test(`${path}: a session gets its cookie with the 101, and comes back with it`, async (t) => {
    const origins = await startTwo(t);
    const gateway = await startTidegate(
      t,
      configuration(
        origins.map(({ address }) => address),
        'persistence: { type: cookie }',
      ),
    );
    const first = await openWs(t, gateway.port(), { path });
    const [cookie = ''] = first.answer?.headers['set-cookie'] ?? [];
    assert.match(cookie, /^tidegate-app=/);
    const home = origins[0].open === 1 ? origins[0] : origins[1];
    for (let i = 0; i < 4; i++) {
      const again = await openWs(t, gateway.port(), { path, headers: { cookie: cookie.split(';')[0] ?? '' } });
      assert.equal(again.answer?.headers['set-cookie'], undefined);
    }
    assert.equal(home.open, 5);
  });

  test(`${path}: an endpoint that refuses the connection has its handshake made at another`, async (t) => {
    const origin = await startWsOrigin(t, echo);
    const dead = `127.0.0.1:${await closedPort()}`;
    const gateway = await startTidegate(t, configuration([dead, origin.address], 'eject: { after: 0 }'));
    for (let i = 0; i < 4; i++) {
      const client = await openWs(t, gateway.port(), { path });
      client.send('hello');
      assert.equal(await client.next(), 'hello');
      await close(client);
    }
    const records = await gateway.untilRecords(4);
    assert.ok(records.some(({ attempts }) => attempts === 2));
    assert.ok(records.every(({ endpoint }) => endpoint === origin.address));
  });

  test(`${path}: a handshake that is answered with a status to be repeated is made at another endpoint`, async (t) => {
    const origin = await startWsOrigin(t, echo);
    const full = await startOrigin(t, () => ok('full').replace('200 OK', '503 Service Unavailable'));
    const options = 'eject: { after: 0 }, retry: { on: [connect, 503] }';
    const gateway = await startTidegate(t, configuration([full.address, origin.address], options));
    for (let i = 0; i < 4; i++) await openWs(t, gateway.port(), { path });
    assert.equal(origin.open, 4);
    assert.ok(full.requests.length > 0);
  });

  test(`${path}: an endpoint that drains keeps its WebSockets and gets no new ones`, async (t) => {
    const [first, second] = await startTwo(t);
    const gateway = await startTidegate(t, configuration([first.address, second.address], 'balancer: round-robin'));
    const clients: WsPeer[] = [];
    while (first.open === 0) clients.push(await openWs(t, gateway.port(), { path }));
    const before = [first.open, second.open];
    await gateway.adminFetch(`/upstreams/app/endpoints/${first.address}/drain`, 'POST');
    for (let i = 0; i < 4; i++) await openWs(t, gateway.port(), { path });
    assert.deepEqual([first.open, second.open], [before[0], (before[1] ?? 0) + 4]);
    for (const client of clients) {
      client.send('still here');
      assert.equal(await client.next(), 'still here');
    }
  });
}
