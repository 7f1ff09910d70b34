// UDP listeners: the datagrams of one client address and port are a session, which goes to one endpoint of the usual upstreams.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { startTidegate, type TestGateway } from '../support/gateway.ts';
import { bindUdp, closedUdpPort, startUdpEcho } from '../support/udp.ts';

function configuration(
  endpoints: readonly string[],
  { udp = '{}', more = '', listener = '', host = '127.0.0.1' } = {},
) {
  const list = endpoints.map((address) => `'${address}'`).join(', ');
  const address = host.includes(':') ? `[${host}]:0` : `${host}:0`;
  return `
listeners: { front: { address: '${address}', protocol: udp, upstream: back, udp: ${udp}${listener} } }
upstreams: { back: { endpoints: [${list}]${more} } }
`;
}

const METRIC = '{listener="front"}';

/** How many sessions are open. */
const sessions = (gateway: TestGateway) => gateway.metric(`tidegate_listener_connections_active${METRIC}`);

const refused = (gateway: TestGateway, reason: string) =>
  gateway.metric(`tidegate_listener_refusals_total{listener="front",reason="${reason}"}`);

/** Asks again and again until the value is there: metrics are no events. */
async function until(read: () => Promise<number>, wanted: number): Promise<void> {
  while ((await read()) !== wanted) await new Promise((resolve) => setTimeout(resolve, 10));
}

test('a session keeps its endpoint, its answers come from the listener, and it leaves one record', async (t) => {
  const back = await startUdpEcho(t, 'echo ');
  const gateway = await startTidegate(t, configuration([back.address], { udp: '{ idle: 300ms }' }));
  const client = await bindUdp(t);
  assert.equal(await client.ask('one', gateway.port()), 'echo one');
  assert.equal(await client.ask('three', gateway.port()), 'echo three');
  assert.equal(client.received[0]?.from.port, gateway.port());
  assert.equal(back.received[0]?.from.port, back.received[1]?.from.port);
  assert.equal(await sessions(gateway), 1);
  const counts = () =>
    Promise.all(
      ['received_datagrams', 'sent_datagrams', 'received_bytes', 'sent_bytes'].flatMap((what) => [
        gateway.metric(`tidegate_listener_${what}_total${METRIC}`),
        gateway.metric(`tidegate_endpoint_${what}_total{upstream="back",endpoint="${back.address}"}`),
      ]),
    );
  assert.deepEqual(await counts(), [2, 2, 2, 2, 8, 8, 18, 18]);
  const [record] = await gateway.untilRecords(1);
  assert.equal(record?.version, 'udp');
  assert.equal(record?.client, '127.0.0.1');
  assert.equal(record?.upstream, 'back');
  assert.equal(record?.endpoint, back.address);
  assert.equal(record?.status, 200);
  assert.equal(record?.closed_by, 'idle');
  assert.equal(record?.ended_by, undefined);
  assert.deepEqual([record?.datagrams_received, record?.datagrams_sent], [2, 2]);
  assert.deepEqual([record?.bytes_received, record?.bytes_sent], [8, 18]);
  assert.equal(await sessions(gateway), 0);
  assert.deepEqual(await counts(), [2, 2, 2, 2, 8, 8, 18, 18]);
  assert.equal(await gateway.metric(`tidegate_endpoint_in_flight{upstream="back",endpoint="${back.address}"}`), 0);
  assert.equal(await gateway.metric('tidegate_deadlines'), 0);
});

test('sessions are balanced like requests', async (t) => {
  const backs = [await startUdpEcho(t), await startUdpEcho(t)];
  const gateway = await startTidegate(
    t,
    configuration(
      backs.map(({ address }) => address),
      { more: ', balancer: least-requests' },
    ),
  );
  for (let count = 0; count < 10; count++) {
    const client = await bindUdp(t);
    assert.equal(await client.ask('x', gateway.port()), 'x');
  }
  assert.deepEqual(
    backs.map(({ received }) => received.length),
    [5, 5],
  );
});

test('an endpoint that refuses is passed over, and what the client sent meanwhile is not lost', async (t) => {
  const back = await startUdpEcho(t);
  const closed = `127.0.0.1:${await closedUdpPort()}`;
  const gateway = await startTidegate(
    t,
    configuration([closed, back.address], { more: ', eject: { after: 2, time: 1m }', udp: '{ answers: 1 }' }),
  );
  for (let turn = 0; turn < 8; turn++) {
    const client = await bindUdp(t);
    assert.equal(await client.ask(`hello ${turn}`, gateway.port()), `hello ${turn}`);
  }
  const records = await gateway.untilRecords(8);
  assert.ok(records.every(({ endpoint, status }) => endpoint === back.address && status === 200));
  assert.ok(records.some(({ attempts }) => attempts === 2));
  await gateway.untilLogged('endpoint is ejected');
  const failures = () =>
    gateway.metric(`tidegate_endpoint_connect_failures_total{upstream="back",endpoint="${closed}"}`);
  const before = await failures();
  assert.ok(before >= 2);
  for (let turn = 0; turn < 4; turn++) await (await bindUdp(t)).ask('x', gateway.port());
  assert.equal(await failures(), before);
});

test('with no endpoint left the session ends with a record that says why', async (t) => {
  const gateway = await startTidegate(t, configuration([`127.0.0.1:${await closedUdpPort()}`]));
  const client = await bindUdp(t);
  await client.send('x', gateway.port());
  const [record] = await gateway.untilRecords(1);
  assert.equal(record?.error, 'connection_refused');
  assert.equal(record?.ended_by, 'origin');
  assert.equal(record?.status, 502);
});

test('an endpoint that goes away within a session ends it, and the next datagram finds another one', async (t) => {
  const [first, second] = [await startUdpEcho(t, 'first '), await startUdpEcho(t, 'second ')];
  const gateway = await startTidegate(
    t,
    configuration([first.address, second.address], { more: ', balancer: first-fit' }),
  );
  const client = await bindUdp(t);
  assert.equal(await client.ask('x', gateway.port()), 'first x');
  const { address } = first;
  first.socket.close();
  await client.send('lost', gateway.port());
  const [record] = await gateway.untilRecords(1);
  assert.equal(record?.error, 'connection_terminated');
  assert.equal(record?.endpoint, address);
  assert.equal(await client.ask('y', gateway.port()), 'second y');
});

test('with a number of answers a session ends with the last of them', async (t) => {
  const back = await startUdpEcho(t, '', { times: 2 });
  const gateway = await startTidegate(t, configuration([back.address], { udp: '{ answers: 2 }' }));
  const client = await bindUdp(t);
  await client.send('a', gateway.port());
  await client.send('b', gateway.port());
  for (let count = 0; count < 4; count++) await client.next();
  const records = await gateway.untilRecords(1);
  assert.ok(records.every(({ closed_by }) => closed_by === 'answered'));
  await until(() => sessions(gateway), 0);
});

test('answers that never come are told, and not held against the endpoint', async (t) => {
  const silent = await bindUdp(t);
  const gateway = await startTidegate(
    t,
    configuration([silent.address], { udp: '{ answers: 1, idle: 200ms }', more: ', eject: { after: 1 }' }),
  );
  const client = await bindUdp(t);
  await client.send('x', gateway.port());
  const [record] = await gateway.untilRecords(1);
  assert.equal(record?.error, 'connection_read_timeout');
  assert.equal(record?.status, 504);
  assert.equal(
    await gateway.metric(`tidegate_endpoint_ejections_total{upstream="back",endpoint="${silent.address}"}`),
    0,
  );
});

test('the time in which no answer came is not taken for how fast an endpoint is', async (t) => {
  const silent = await bindUdp(t);
  const more = ', timeouts: { connect: 100ms }, circuit-breaker: { min-requests: 1, slow: 50ms, slow-rate: 10% }';
  const gateway = await startTidegate(t, configuration([silent.address], { udp: '{ idle: 500ms }', more }));
  for (const count of [1, 2]) {
    const client = await bindUdp(t);
    await client.send('x', gateway.port());
    const record = (await gateway.untilRecords(count))[count - 1];
    assert.deepEqual([record?.status, record?.closed_by, record?.first_byte_ms], [200, 'idle', undefined]);
  }
  const { port } = silent;
  for (const what of ['successes', 'failures'])
    assert.equal(
      await gateway.metric(`tidegate_endpoint_attempt_${what}_total{upstream="back",endpoint="127.0.0.1:${port}"}`),
      0,
    );
});

test('the time of one attempt does not end a session that waits for an answer', async (t) => {
  const silent = await bindUdp(t);
  const more = ', timeouts: { connect: 300ms }, retry: { attempt-timeout: 50ms }, eject: { after: 1 }';
  const gateway = await startTidegate(t, configuration([silent.address], { udp: '{ idle: 600ms }', more }));
  const client = await bindUdp(t);
  await client.send('x', gateway.port());
  const [record] = await gateway.untilRecords(1);
  assert.deepEqual([record?.status, record?.closed_by, record?.attempts], [200, 'idle', 1]);
});

test('answers from anywhere but the endpoint are not passed on', async (t) => {
  const back = await bindUdp(t);
  const stranger = await bindUdp(t);
  const gateway = await startTidegate(t, configuration([back.address]));
  const client = await bindUdp(t);
  await client.send('x', gateway.port());
  const { from } = await back.next();
  // The kernel refuses what comes from elsewhere to a connected socket, and may say so to the sender.
  stranger.socket.on('error', () => {});
  await stranger.send('forged', from.port);
  await back.send('true', from.port);
  assert.equal(await client.nextText(), 'true');
  assert.equal(client.received.length, 1);
});

test('at the bound, clients that never answered back make room, and those that talk stay', async (t) => {
  const back = await startUdpEcho(t);
  const gateway = await startTidegate(t, configuration([back.address], { udp: '{ sessions: 3 }' }));
  const talker = await bindUdp(t);
  await talker.ask('a', gateway.port());
  await talker.ask('b', gateway.port());
  for (let count = 0; count < 20; count++) {
    const once = await bindUdp(t);
    await once.ask('x', gateway.port());
  }
  assert.equal(await sessions(gateway), 3);
  assert.equal(await talker.ask('c', gateway.port()), 'c');
  const records = await gateway.untilRecords(18);
  assert.ok(records.every(({ closed_by }) => closed_by === 'evicted'));
  assert.equal(back.received.filter(({ from }) => from.port === back.received[0]?.from.port).length, 3);
});

test('at the bound, with nobody to make room, new clients are refused and counted', async (t) => {
  const back = await startUdpEcho(t);
  const gateway = await startTidegate(t, configuration([back.address], { udp: '{ sessions: 2 }' }));
  for (let count = 0; count < 2; count++) {
    const talker = await bindUdp(t);
    await talker.ask('a', gateway.port());
    await talker.ask('b', gateway.port());
  }
  const late = await bindUdp(t);
  await late.send('x', gateway.port());
  await until(() => refused(gateway, 'connections'), 1);
  assert.equal(await sessions(gateway), 2);
  assert.equal(back.received.length, 4);
});

test('a flood stays within its bounds, and the gateway serves on', async (t) => {
  const back = await startUdpEcho(t);
  const gateway = await startTidegate(t, configuration([back.address], { udp: '{ sessions: 50 }' }));
  const flood = await Promise.all(Array.from({ length: 200 }, () => bindUdp(t)));
  await Promise.all(flood.flatMap((peer) => Array.from({ length: 10 }, () => peer.send('flood', gateway.port()))));
  assert.ok((await sessions(gateway)) <= 50);
  const client = await bindUdp(t);
  assert.equal(await client.ask('still there', gateway.port()), 'still there');
});

test('new sessions of a client above its rate, or its number, are refused and counted', async (t) => {
  const back = await startUdpEcho(t);
  const limits = ', limits: { client-rate: 3/h, client-connections: 2 }';
  const gateway = await startTidegate(t, configuration([back.address], { listener: limits, udp: '{ idle: 200ms }' }));
  const peers = [await bindUdp(t), await bindUdp(t), await bindUdp(t)] as const;
  await peers[0].ask('x', gateway.port());
  await peers[1].ask('x', gateway.port());
  await peers[2].send('x', gateway.port());
  await until(() => refused(gateway, 'client-connections'), 1);
  await gateway.untilRecords(2);
  await peers[0].ask('x', gateway.port());
  await peers[1].send('x', gateway.port());
  await until(() => refused(gateway, 'client-rate'), 1);
  const other = await bindUdp(t, { host: '127.0.0.5' });
  assert.equal(await other.ask('x', gateway.port()), 'x');
});

test('a session outlives a reload, goes on while the gateway drains, and ends at the deadline', async (t) => {
  const back = await startUdpEcho(t);
  const gateway = await startTidegate(t, configuration([back.address], { more: '' }));
  const client = await bindUdp(t);
  await client.ask('before', gateway.port());
  await gateway.write(`${configuration([back.address], { more: ', panic-threshold: 10%' })}drain: { timeout: 2s }\n`);
  await gateway.untilAdmin<{ generation: number }>('/status', ({ generation }) => generation > 1);
  assert.equal(await client.ask('after', gateway.port()), 'after');
  assert.equal(back.received[0]?.from.port, back.received[1]?.from.port);
  gateway.child.kill('SIGTERM');
  await gateway.untilLogged('draining');
  assert.equal(await client.ask('draining', gateway.port()), 'draining');
  // The worker hears of it a moment after the log.
  while ((await refused(gateway, 'draining')) === 0) await (await bindUdp(t)).send('x', gateway.port());
  assert.equal(await client.ask('still there', gateway.port()), 'still there');
  assert.equal(await gateway.exit, 0);
  assert.ok(gateway.records.length > 0);
  assert.ok(gateway.records.every(({ closed_by }) => closed_by === 'shutdown'));
});

test('a session lasts no longer than its lifetime, however much it says', async (t) => {
  const back = await startUdpEcho(t);
  const gateway = await startTidegate(
    t,
    configuration([back.address], { listener: ', timeouts: { lifetime: 300ms }' }),
  );
  const client = await bindUdp(t);
  while (gateway.records.length === 0) {
    await client.send('x', gateway.port());
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.equal(gateway.records[0]?.closed_by, 'lifetime');
});

test('a datagram of the largest size there is passes both ways', async (t) => {
  const back = await startUdpEcho(t);
  const gateway = await startTidegate(t, configuration([back.address]));
  const client = await bindUdp(t);
  const bytes = Buffer.alloc(65_507, 'x');
  await client.send(bytes, gateway.port());
  assert.equal((await client.next()).bytes.compare(bytes), 0);
});

test('a datagram that is too long with its header is dropped and counted, and the session goes on', async (t) => {
  const back = await bindUdp(t);
  const gateway = await startTidegate(t, configuration([back.address], { more: ', send-proxy-protocol: v2' }));
  const client = await bindUdp(t);
  await client.send(Buffer.alloc(65_507), gateway.port());
  await client.send('x', gateway.port());
  assert.equal(readDatagramHeader((await back.next()).bytes).rest, 'x');
  assert.equal(await gateway.metric(`tidegate_listener_dropped_datagrams_total${METRIC}`), 1);
  assert.equal(await sessions(gateway), 1);
});

test('an empty datagram is one', async (t) => {
  const back = await startUdpEcho(t);
  const gateway = await startTidegate(t, configuration([back.address]));
  const client = await bindUdp(t);
  assert.equal(await client.ask('', gateway.port()), '');
  assert.equal(back.received[0]?.bytes.length, 0);
});

for (const [front, back] of [
  ['::1', '::1'],
  ['::1', '127.0.0.1'],
  ['127.0.0.1', '::1'],
] as const) {
  test(`a client by way of ${front} reaches an endpoint at ${back}`, async (t) => {
    const endpoint = await startUdpEcho(t, '', { host: back });
    const gateway = await startTidegate(t, configuration([endpoint.address], { host: front, udp: '{ answers: 1 }' }));
    const client = await bindUdp(t, { host: front });
    assert.equal(await client.ask('x', gateway.port()), 'x');
    assert.equal((await gateway.untilRecords(1))[0]?.client, front);
  });
}

test('an IPv4 client of a listener for both families has its own address', async (t) => {
  const endpoint = await startUdpEcho(t);
  const gateway = await startTidegate(t, configuration([endpoint.address], { host: '::', udp: '{ answers: 1 }' }));
  const client = await bindUdp(t);
  assert.equal(await client.ask('x', gateway.port()), 'x');
  assert.equal((await gateway.untilRecords(1))[0]?.client, '127.0.0.1');
});

test('the endpoint is told of an IPv4 client of a listener for both families too', async (t) => {
  const back = await bindUdp(t);
  const more = ', send-proxy-protocol: v2';
  const gateway = await startTidegate(t, configuration([back.address], { host: '::', more }));
  const client = await bindUdp(t);
  await client.send('x', gateway.port());
  const { bytes } = await back.next();
  assert.deepEqual(readDatagramHeader(bytes), { client: `127.0.0.1:${client.port}`, front: gateway.port(), rest: 'x' });
});

test('two workers share a listener, and every client keeps its session', async (t) => {
  const back = await startUdpEcho(t);
  const gateway = await startTidegate(t, `workers: 2\n${configuration([back.address])}`);
  const clients = await Promise.all(Array.from({ length: 20 }, () => bindUdp(t)));
  for (let turn = 0; turn < 3; turn++)
    for (const client of clients) assert.equal(await client.ask('x', gateway.port()), 'x');
  assert.equal(await sessions(gateway), 20);
  assert.equal(new Set(back.received.map(({ from }) => from.port)).size, 20);
});

test('the endpoint is told by each datagram whose it is', async (t) => {
  const back = await bindUdp(t);
  const gateway = await startTidegate(t, configuration([back.address], { more: ', send-proxy-protocol: v2' }));
  const client = await bindUdp(t);
  for (const text of ['one', 'two']) {
    await client.send(text, gateway.port());
    const { bytes, from } = await back.next();
    assert.deepEqual(readDatagramHeader(bytes), {
      client: `127.0.0.1:${client.port}`,
      front: gateway.port(),
      rest: text,
    });
    await back.send('answer', from.port);
    assert.equal(await client.nextText(), 'answer');
  }
});

/** By hand: PROXY protocol 2.2, version 2, command PROXY, AF_INET and DGRAM. */
function readDatagramHeader(bytes: Buffer) {
  assert.equal(bytes.toString('latin1', 0, 12), '\r\n\r\n\0\r\nQUIT\n');
  assert.deepEqual([bytes[12], bytes[13]], [0x21, 0x12]);
  const end = 16 + bytes.readUInt16BE(14);
  const client = `${[...bytes.subarray(16, 20)].join('.')}:${bytes.readUInt16BE(24)}`;
  return { client, front: bytes.readUInt16BE(26), rest: bytes.toString('utf8', end) };
}

test('TCP and UDP may have the same port, and an address in use by another program is told', async (t) => {
  const { port, socket } = await bindUdp(t);
  const taken = `
listeners: { front: { address: '127.0.0.1:${port}', protocol: udp, upstream: back } }
upstreams: { back: { endpoints: ['127.0.0.1:9'] } }
`;
  await assert.rejects(startTidegate(t, taken), /the port is in use by another program/);
  socket.close();
  const back = await startUdpEcho(t);
  const gateway = await startTidegate(
    t,
    `
listeners:
  web: { address: '127.0.0.1:${port}' }
  front: { address: '127.0.0.1:${port}', protocol: udp, upstream: back }
upstreams: { back: { endpoints: ['${back.address}'] } }
`,
  );
  const client = await bindUdp(t);
  assert.equal(await client.ask('x', gateway.port('front')), 'x');
});

test('a listener may become one of UDP by a reload, and one of TCP again', async (t) => {
  const back = await startUdpEcho(t);
  const port = await closedUdpPort();
  const listener = (protocol: string) => `
listeners: { front: { address: '127.0.0.1:${port}', protocol: ${protocol}, upstream: back } }
upstreams: { back: { endpoints: ['${back.address}'] } }
`;
  const gateway = await startTidegate(t, listener('tcp'));
  const becomes = async (protocol: string, generation: number) => {
    await gateway.write(listener(protocol));
    await gateway.untilAdmin<{ generation: number }>('/status', (status) => status.generation === generation);
    const { listeners } = await gateway.admin<{ listeners: readonly { protocol: string }[] }>('/status');
    assert.equal(listeners[0]?.protocol, protocol);
  };
  await becomes('udp', 2);
  const client = await bindUdp(t);
  assert.equal(await client.ask('x', port), 'x');
  await becomes('tcp', 3);
  const late = await bindUdp(t);
  await late.send('x', port);
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  // The session that is open goes on.
  assert.equal(await client.ask('y', port), 'y');
  assert.equal(late.received.length, 0);
});
