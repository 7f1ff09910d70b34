// What a fault of the gateway's own does to the connection it happens on, and to nothing else.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { listenerSettings } from '#config/compile-listener.ts';
import { parseConfiguration, referencesFor } from '#config/load.ts';
import { systemClock } from '#lib/clock.ts';
import { Deadlines } from '#lib/deadlines.ts';
import { TurnEnd } from '#lib/turn-end.ts';
import { ChallengeAcceptors } from '#listener/challenge-acceptors.ts';
import type { ListenerHost, ListenerState } from '#listener/listener-host.ts';
import { TcpConnection } from '#listener/tcp-connection.ts';
import { WantedCertificates } from '#listener/wanted-certificates.ts';
import { KeyedTable } from '#memory/keyed-table.ts';
import { CELLS_PER_SERIES } from '#memory/series-table.ts';
import type { Exchange } from '#model/exchange.ts';
import { createTestExchange } from '#model/testing.ts';
import { Departures } from '#net/departures.ts';
import { TcpStream } from '#net/tcp-stream.ts';

/** A TCP connection that fails at the first byte of its client. */
class FaultyConnection extends TcpConnection {
  override bytes(): boolean {
    throw new Error('a fault of ours');
  }
}

/** A listener whose connections are faulty; gives what it logs and records. */
async function startFaulty(t: TestContext) {
  const logged: string[] = [];
  const records: Exchange[] = [];
  const config = parseConfiguration(
    "version: 1\nlisteners: { front: { address: '127.0.0.1:0', protocol: tcp, upstream: back } }\nupstreams: { back: { endpoints: ['127.0.0.1:9'] } }",
    referencesFor('.', {}),
  ).config;
  const state: ListenerState = {
    name: 'front',
    settings: listenerSettings('front', config),
    series: new Float64Array(CELLS_PER_SERIES),
    draining: false,
    tls: undefined,
  };
  const buckets = KeyedTable.create(8, [1, 2]);
  const { snapshot } = createTestExchange();
  const log = (message: string, fields?: { error?: unknown }) => void logged.push(`${message}: ${fields?.error}`);
  const closed = Promise.withResolvers<void>();
  const host: ListenerHost = {
    clock: systemClock,
    deadlines: new Deadlines(systemClock, 50),
    departures: new Departures(new Deadlines(systemClock, 50), () => undefined),
    log: { debug: log, info: log, warn: log, error: log },
    turnEnd: new TurnEnd(),
    challenges: new ChallengeAcceptors(),
    wanted: new WantedCertificates(systemClock, () => {}),
    breached() {},
    buckets: () => buckets,
    snapshot: () => snapshot,
    handle() {},
    answer() {
      throw new Error('nobody asks for an answer');
    },
    record: (exchange) => void records.push(exchange),
  };
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
    const begin = { onClosed: () => closed.resolve(), first: undefined };
    new FaultyConnection((receiver) => TcpStream.accept(socket, receiver), state, host, begin);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { port: (server.address() as AddressInfo).port, logged, records, closed: closed.promise, snapshot };
}

test('a fault on a TCP connection ends that connection, is logged, and is told as ours in its record', async (t) => {
  const { port, logged, records, closed, snapshot } = await startFaulty(t);
  const uses = snapshot.uses;
  const client = connect(port, '127.0.0.1').on('error', () => {});
  client.write('x');
  await closed;
  assert.equal(logged.length, 1);
  assert.match(logged[0] ?? '', /^a client connection failed inside the gateway: .*a fault of ours/s);
  const [exchange] = records;
  assert.equal(records.length, 1);
  assert.equal(exchange?.error?.code, 'proxy_internal_error');
  assert.equal(exchange?.error?.side, 'self');
  assert.equal(exchange?.status, 500);
  assert.equal(snapshot.uses, uses);
  client.destroy();
});
