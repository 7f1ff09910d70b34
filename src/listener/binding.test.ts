// What listeners do with what comes before there is a configuration to serve it by, and with datagrams that nobody can be answered to.
import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import { type TestContext, test } from 'node:test';
import type { DatagramClient } from '#model/datagrams.ts';
import type { Snapshot } from '#model/snapshot.ts';
import { createTestExchange } from '#model/testing.ts';
import { CELL } from '#telemetry/series.ts';
import { Listener } from './accept.ts';
import type { ListenerHost, ResponseReceiver } from './listener-host.ts';
import { createTestHost, testSettings } from './testing.ts';
import { UdpListener } from './udp-listener.ts';

const ADDRESS = { host: '127.0.0.1', port: 0, socketPath: '', shared: false, first: true };

const createSeries = () => new Float64Array(64);

/** A worker that has no snapshot until `commit`, and hands what comes to `handle`. */
function createHost(handle: (receiver: ResponseReceiver) => void) {
  let snapshot: Snapshot | undefined;
  const { host } = createTestHost({
    handle,
    answer: () => assert.fail('nothing goes wrong'),
    snapshot: () => snapshot as Snapshot,
  });
  const commit = () => {
    snapshot = createTestExchange().snapshot;
  };
  return { host, commit };
}

async function bindTcp(t: TestContext, host: ListenerHost, { maxConnections = 10, series = createSeries() } = {}) {
  const create = t.mock.method(net, 'createServer');
  const listener = await Listener.bind(ADDRESS, testSettings({ protocol: 'tcp', maxConnections }), series, host);
  t.after(() => {
    listener.drain();
    listener.abort();
  });
  const server = create.mock.calls[0]?.result as net.Server;
  const connect = async () => {
    const client = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1');
    t.after(() => client.destroy());
    await once(server, 'connection');
    return client;
  };
  return { listener, connect };
}

async function bindUdp(t: TestContext, host: ListenerHost, series = createSeries()) {
  const create = t.mock.method(dgram, 'createSocket');
  const listener = await UdpListener.bind(ADDRESS, testSettings({ protocol: 'udp' }), series, host);
  t.after(() => {
    listener.drain();
    listener.abort();
  });
  const socket = create.mock.calls[0]?.result as dgram.Socket;
  const receive = (port: number) =>
    socket.emit('message', Buffer.from('hello'), { address: '127.0.0.1', port, family: 'IPv4', size: 5 });
  return { listener, receive };
}

test('a connection that comes before there is a snapshot waits for it', async (t) => {
  const handled = Promise.withResolvers<string>();
  const { host, commit } = createHost(({ exchange }) => handled.resolve(exchange.connection.listener));
  const { listener, connect } = await bindTcp(t, host);
  await connect();
  assert.equal(listener.connections, 0);
  commit();
  listener.serve();
  assert.equal(await handled.promise, 'test');
  assert.equal(listener.connections, 1);
});

test('no more connections wait for a snapshot than there may be', async (t) => {
  const series = createSeries();
  const { connect } = await bindTcp(t, createHost(() => {}).host, { maxConnections: 1, series });
  await connect();
  assert.equal(series[CELL.connectionsRefused], 0);
  await connect();
  assert.equal(series[CELL.connectionsRefused], 1);
});

test('a connection that waits for a snapshot is closed when none comes', async (t) => {
  const { listener, connect } = await bindTcp(t, createHost(() => {}).host);
  const client = await connect();
  listener.drain();
  client.resume();
  await once(client, 'close');
});

test('a client that the system has connected by the time the listener begins to drain is served, and no later one', async (t) => {
  let handled = 0;
  const { host, commit } = createHost(() => handled++);
  const { listener, connect } = await bindTcp(t, host);
  commit();
  listener.serve();
  const connected = connect();
  listener.drain();
  assert.equal(listener.connections, 1, 'whoever waits for the last of them goes on too early');
  const client = await connected;
  assert.deepEqual([handled, listener.connections], [1, 2]);
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  const late = net.connect(client.remotePort ?? 0, '127.0.0.1');
  await assert.rejects(once(late, 'connect'), { code: 'ECONNREFUSED' });
  assert.equal(listener.connections, 1);
});

test('a datagram that comes before there is a snapshot is dropped and counted', async (t) => {
  const series = createSeries();
  const { host, commit } = createHost(() => {});
  const { listener, receive } = await bindUdp(t, host, series);
  receive(5353);
  assert.deepEqual([listener.connections, series[CELL.datagramsDropped]], [0, 1]);
  commit();
  listener.serve();
  receive(5353);
  assert.deepEqual([listener.connections, series[CELL.datagramsDropped]], [1, 1]);
});

test('RFC 768: a datagram without a source port is passed on, and its answers are dropped', async (t) => {
  const series = createSeries();
  const { host, commit } = createHost(({ exchange }) => {
    const client = exchange.datagrams as DatagramClient;
    assert.equal(client.unanswered.length, 1);
    client.answer(Buffer.from('answer'));
  });
  const { listener, receive } = await bindUdp(t, host, series);
  commit();
  listener.serve();
  receive(0);
  assert.deepEqual([series[CELL.datagramsReceived], series[CELL.datagramsDropped]], [1, 1]);
});
