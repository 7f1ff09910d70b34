// The policy websocket: handshakes that are checked, messages that are looked at, and how WebSockets end. With ws on both sides.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTidegate } from '../support/gateway.ts';
import { echo, openWs, refusedWs, startWsOrigin } from '../support/websocket.ts';

/** Everything goes to one upstream through the policy with these options. */
const configuration = (address: string, options = '', more = '') => `
routes:
  - name: all
    policies: [{ type: websocket${options === '' ? '' : `, ${options}`} }]
    upstream: app
upstreams: { app: { endpoints: ['${address}'], timeouts: { tunnel-idle: 60s } } }
${more}`;

test('messages pass both ways, and are counted', async (t) => {
  const origin = await startWsOrigin(t, echo);
  const gateway = await startTidegate(t, configuration(origin.address));
  const client = await openWs(t, gateway.port());
  for (const message of ['hello', 'κόσμε', '']) {
    client.send(message);
    assert.equal(await client.next(), message);
  }
  const active = await gateway.metric('tidegate_route_tunnels_active{route="all"}');
  client.socket.close(4321, 'done');
  assert.deepEqual(await client.closed, { code: 4321, reason: 'done' });
  const [record] = await gateway.untilRecords(1);
  assert.equal(active, 1);
  assert.equal(record?.status, 101);
  assert.deepEqual([record?.messages_received, record?.messages_sent], [3, 3]);
  assert.deepEqual([record?.close_code, record?.closed_by, record?.ended_by], [4321, 'client', undefined]);
  assert.equal(await gateway.metric('tidegate_route_tunnels_total{route="all"}'), 1);
  assert.equal(await gateway.metric('tidegate_route_tunnels_active{route="all"}'), 0);
  assert.equal(await gateway.metric('tidegate_route_received_messages_total{route="all"}'), 3);
  assert.equal(await gateway.metric('tidegate_route_sent_messages_total{route="all"}'), 3);
  assert.equal(await gateway.metric('tidegate_route_websocket_closes_total{route="all",code="4xxx"}'), 1);
});

test('a close by the origin reaches the client with its code and reason', async (t) => {
  const origin = await startWsOrigin(t, ({ socket }) => socket.close(3001, 'not today'));
  const gateway = await startTidegate(t, configuration(origin.address));
  const client = await openWs(t, gateway.port());
  assert.deepEqual(await client.closed, { code: 3001, reason: 'not today' });
  const [record] = await gateway.untilRecords(1);
  assert.deepEqual([record?.close_code, record?.closed_by], [3001, 'endpoint']);
});

test('large messages in many reads pass whole in both directions at a time', async (t) => {
  const origin = await startWsOrigin(t, echo);
  const gateway = await startTidegate(t, configuration(origin.address));
  const client = await openWs(t, gateway.port());
  const messages = [3_000_000, 70_000, 10, 5_000_000].map((length, i) => String.fromCharCode(97 + i).repeat(length));
  for (const message of messages) client.send(message);
  for (const message of messages) assert.ok((await client.next()) === message);
});

test('compressed messages pass as they are', async (t) => {
  const origin = await startWsOrigin(t, echo, { perMessageDeflate: { threshold: 0 } });
  const gateway = await startTidegate(t, configuration(origin.address));
  const client = await openWs(t, gateway.port(), { perMessageDeflate: { threshold: 0 } });
  assert.match(client.socket.extensions, /permessage-deflate/);
  const message = 'abcdefgh'.repeat(50_000);
  client.send(message);
  assert.equal(await client.next(), message);
  client.socket.close(1000);
  await client.closed;
  const [record] = await gateway.untilRecords(1);
  assert.ok(Number(record?.bytes_received) < 10_000);
});

test('limits count a compressed message as it is sent, and not what it would be', async (t) => {
  const origin = await startWsOrigin(t, echo, { perMessageDeflate: { threshold: 0 } });
  const gateway = await startTidegate(t, configuration(origin.address, 'max-message: 1KiB'));
  const client = await openWs(t, gateway.port(), { perMessageDeflate: { threshold: 0 } });
  const message = 'a'.repeat(100_000);
  client.send(message);
  assert.equal(await client.next(), message);
  const plain = await openWs(t, gateway.port(), { perMessageDeflate: false });
  plain.send(message);
  assert.equal((await plain.closed).code, 1009);
});

test('compression is not offered to the endpoint where it is turned off, nor are extensions nobody here knows', async (t) => {
  const origin = await startWsOrigin(t, echo, { perMessageDeflate: true });
  const gateway = await startTidegate(t, configuration(origin.address, 'compression: false'));
  const client = await openWs(t, gateway.port(), { perMessageDeflate: true });
  assert.equal(client.socket.extensions, '');
  const peer = await origin.accept();
  assert.equal(peer.request?.headers['sec-websocket-extensions'], undefined);
});

for (const [what, origins, given, status] of [
  ['the same host', '[same-host]', 'http://127.0.0.1:PORT', 101],
  ['another host', '[same-host]', 'http://evil.test', 403],
  ['a listed one', "['https://app.example.com']", 'https://app.example.com', 101],
  ['one below a listed one', "['https://*.example.com']", 'https://a.example.com', 101],
  ['one that looks like a listed one', "['https://*.example.com']", 'https://evilexample.com', 403],
  ['no page at all', '[same-host]', 'null', 403],
  ['a client that is no browser', '[same-host]', undefined, 101],
] as const) {
  test(`an Origin of ${what} is answered ${status}`, async (t) => {
    const origin = await startWsOrigin(t);
    const gateway = await startTidegate(t, configuration(origin.address, `origins: ${origins}`));
    const port = gateway.port();
    const options = given === undefined ? {} : { origin: given.replace('PORT', String(port)) };
    if (status === 101) await openWs(t, port, options);
    else assert.equal((await refusedWs(t, port, options)).status, status);
    assert.equal(origin.open, status === 101 ? 1 : 0);
  });
}

test('requests that open no WebSocket pass the policy', async (t) => {
  const origin = await startWsOrigin(t);
  const gateway = await startTidegate(t, configuration(origin.address, 'origins: [same-host], protocols: [chat]'));
  const response = await fetch(`http://127.0.0.1:${gateway.port()}/`, { headers: { origin: 'http://evil.test' } });
  // ws answers those so.
  assert.equal(response.status, 426);
});

test('only subprotocols that are listed get to the endpoint, and one of them must be offered', async (t) => {
  const origin = await startWsOrigin(t);
  const gateway = await startTidegate(t, configuration(origin.address, 'protocols: [chat, mqtt]'));
  const client = await openWs(t, gateway.port(), { offers: ['evil', 'mqtt'] });
  assert.equal(client.socket.protocol, 'mqtt');
  assert.equal((await origin.accept()).request?.headers['sec-websocket-protocol'], 'mqtt');
  assert.equal((await refusedWs(t, gateway.port(), { offers: ['evil'] })).status, 403);
  assert.equal((await refusedWs(t, gateway.port())).status, 403);
  assert.equal(origin.open, 1);
});

test('a message above max-message closes with 1009, and the endpoint is told that the client is gone', async (t) => {
  const origin = await startWsOrigin(t, echo);
  const gateway = await startTidegate(t, configuration(origin.address, 'max-message: 1000B'));
  const client = await openWs(t, gateway.port());
  client.send('a'.repeat(1000));
  assert.equal((await client.next()).length, 1000);
  client.send('a'.repeat(1001));
  const peer = await origin.accept();
  assert.equal((await client.closed).code, 1009);
  assert.equal((await peer.closed).code, 1001);
  const [record] = await gateway.untilRecords(1);
  assert.deepEqual([record?.close_code, record?.ended_by, record?.error], [1009, 'client', 'websocket-client-failed']);
  assert.match(String(record?.reason), /1000 bytes/);
});

test('a message of the endpoint above max-message closes with 1009 there, and the client gets 1011', async (t) => {
  const origin = await startWsOrigin(t, ({ socket }) => socket.send('a'.repeat(1001)));
  const gateway = await startTidegate(t, configuration(origin.address, 'max-message: 1000B'));
  const client = await openWs(t, gateway.port());
  assert.equal((await client.closed).code, 1011);
  assert.equal((await (await origin.accept()).closed).code, 1009);
  const [record] = await gateway.untilRecords(1);
  assert.deepEqual([record?.ended_by, record?.error], ['origin', 'websocket-endpoint-failed']);
});

test('more frames than frame-rate allows close with 1008', async (t) => {
  const origin = await startWsOrigin(t, echo);
  const gateway = await startTidegate(t, configuration(origin.address, 'frame-rate: 1/h, frame-burst: 3'));
  const client = await openWs(t, gateway.port());
  for (const message of ['1', '2', '3']) client.send(message);
  for (const message of ['1', '2', '3']) assert.equal(await client.next(), message);
  client.send('4');
  assert.equal((await client.closed).code, 1008);
});

test('a WebSocket without data is closed with 1001 after idle-timeout, pings notwithstanding', async (t) => {
  const origin = await startWsOrigin(t, echo);
  const options = 'idle-timeout: 2s, ping: { interval: 100ms }';
  const gateway = await startTidegate(t, configuration(origin.address, options));
  const client = await openWs(t, gateway.port());
  const peer = await origin.accept();
  await client.untilPinged();
  assert.equal((await client.closed).code, 1001);
  assert.equal((await peer.closed).code, 1001);
  const [record] = await gateway.untilRecords(1);
  assert.deepEqual([record?.close_code, record?.closed_by, record?.error], [1001, 'idle', undefined]);
});

test('a WebSocket is closed with 1001 at the end of its lifetime', async (t) => {
  const origin = await startWsOrigin(t, ({ socket }) => {
    const timer = setInterval(() => socket.send('tick'), 20);
    socket.on('close', () => clearInterval(timer));
  });
  const gateway = await startTidegate(t, configuration(origin.address, 'lifetime: 2s'));
  const client = await openWs(t, gateway.port());
  assert.equal(await client.next(), 'tick');
  assert.equal((await client.closed).code, 1001);
  assert.equal((await gateway.untilRecords(1))[0]?.closed_by, 'lifetime');
});

test('pings keep a WebSocket open for longer than tunnel-idle, and their pongs go nowhere', async (t) => {
  const pongs: Buffer[] = [];
  const origin = await startWsOrigin(t, ({ socket }) => void socket.on('pong', (payload) => pongs.push(payload)));
  const gateway = await startTidegate(
    t,
    configuration(origin.address, 'ping: { interval: 200ms }').replace('tunnel-idle: 60s', 'tunnel-idle: 2s'),
  );
  const client = await openWs(t, gateway.port());
  client.socket.on('pong', (payload) => pongs.push(payload));
  const peer = await origin.accept();
  await Promise.all([client.untilPinged(15), peer.untilPinged(15)]);
  // Each payload is another one, and no side has got those of the other.
  assert.equal(new Set([...client.pings, ...peer.pings].map(String)).size, client.pings.length + peer.pings.length);
  peer.send('still here');
  assert.equal(await client.next(), 'still here');
  assert.deepEqual(pongs, []);
});

for (const [sides, pinged, spared] of [
  ['client', 'client', 'endpoint'],
  ['endpoint', 'endpoint', 'client'],
] as const) {
  test(`with sides: ${sides} only the ${pinged} is pinged`, async (t) => {
    const origin = await startWsOrigin(t);
    const gateway = await startTidegate(t, configuration(origin.address, `ping: { interval: 50ms, sides: ${sides} }`));
    const both = { client: await openWs(t, gateway.port()), endpoint: await origin.accept() };
    await both[pinged].untilPinged(5);
    assert.equal(both[spared].pings.length, 0);
  });
}

test('pings of the sides reach each other, and so do the pongs', async (t) => {
  const origin = await startWsOrigin(t);
  const gateway = await startTidegate(t, configuration(origin.address, 'ping: { interval: 50ms }'));
  const client = await openWs(t, gateway.port());
  const pong = new Promise((resolve) => client.socket.on('pong', (payload) => resolve(payload.toString())));
  client.socket.ping('are you there');
  assert.equal(await pong, 'are you there');
});

test('a client that answers no ping is given up: the endpoint gets 1001', async (t) => {
  const origin = await startWsOrigin(t);
  const gateway = await startTidegate(
    t,
    configuration(origin.address, 'ping: { interval: 100ms, timeout: 200ms, sides: client }'),
  );
  const client = await openWs(t, gateway.port(), { autoPong: false });
  const peer = await origin.accept();
  assert.equal((await peer.closed).code, 1001);
  assert.deepEqual(await client.closed, { code: 1011, reason: 'no answer to a ping' });
  const [record] = await gateway.untilRecords(1);
  assert.deepEqual([record?.ended_by, record?.error], ['client', 'websocket-client-failed']);
});

test('an endpoint that answers no ping is given up: the client gets 1011', async (t) => {
  const origin = await startWsOrigin(t, undefined, { autoPong: false });
  const gateway = await startTidegate(
    t,
    configuration(origin.address, 'ping: { interval: 100ms, timeout: 200ms, sides: endpoint }'),
  );
  const client = await openWs(t, gateway.port());
  assert.equal((await client.closed).code, 1011);
  assert.equal((await (await origin.accept()).closed).code, 1011);
  const [record] = await gateway.untilRecords(1);
  assert.deepEqual([record?.ended_by, record?.error], ['origin', 'websocket-endpoint-failed']);
});

test('when the gateway stops, both sides get 1001, and it waits for them no longer than they take', async (t) => {
  const origin = await startWsOrigin(t);
  const gateway = await startTidegate(t, configuration(origin.address, 'close-spread: 0s', 'drain: { timeout: 60s }'));
  const client = await openWs(t, gateway.port());
  const peer = await origin.accept();
  assert.equal(await gateway.stop(), 0);
  assert.equal((await client.closed).code, 1001);
  assert.equal((await peer.closed).code, 1001);
  assert.deepEqual([gateway.records[0]?.closed_by, gateway.records[0]?.close_code], ['shutdown', 1001]);
});

test('when a listener goes at a reload, its WebSockets get 1001 over the time they are spread over', async (t) => {
  const origin = await startWsOrigin(t);
  const listeners = (names: readonly string[]) =>
    `listeners: { ${names.map((name) => `${name}: { address: '127.0.0.1:0' }`).join(', ')} }\n`;
  const rest = configuration(origin.address, 'close-spread: 300ms');
  const gateway = await startTidegate(t, listeners(['web', 'other']) + rest);
  const leaving = await Promise.all(Array.from({ length: 10 }, () => openWs(t, gateway.port('other'))));
  const staying = await openWs(t, gateway.port('web'));
  await gateway.write(listeners(['web']) + rest);
  for (const { closed } of leaving) assert.equal((await closed).code, 1001);
  assert.equal(staying.socket.readyState, staying.socket.OPEN);
});

test('at the deadline of a drain those are told that had not had their turn', async (t) => {
  const origin = await startWsOrigin(t);
  const gateway = await startTidegate(
    t,
    configuration(origin.address, 'close-spread: 1h', 'drain: { timeout: 300ms }'),
  );
  const clients = await Promise.all(Array.from({ length: 5 }, () => openWs(t, gateway.port())));
  assert.equal(await gateway.stop(), 0);
  for (const { closed } of clients) assert.equal((await closed).code, 1001);
});

test('a policy for all routes looks at the WebSockets of each', async (t) => {
  const origin = await startWsOrigin(t, echo);
  const gateway = await startTidegate(
    t,
    `
policies: [{ type: websocket, max-message: 10B }]
routes: [{ name: all, upstream: app }]
upstreams: { app: { endpoints: ['${origin.address}'] } }
`,
  );
  const client = await openWs(t, gateway.port());
  client.send('a'.repeat(11));
  assert.equal((await client.closed).code, 1009);
});
