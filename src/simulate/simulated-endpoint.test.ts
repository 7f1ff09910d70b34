// What a simulated endpoint does with an attempt that the gateway gives up. How it serves, queues, fails and refuses is in run.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '#lib/random.ts';
import { EndpointCells } from '#memory/endpoint-table.ts';
import { ProxyError } from '#model/proxy-error.ts';
import { createTestExchange } from '#model/testing.ts';
import type { AttemptListener, Endpoint, PoolSettings, Upstream } from '#model/upstream.ts';
import { type Behaviour, parseBehaviour } from './behaviour.ts';
import { Samples } from './samples.ts';
import { SimulatedEndpoint } from './simulated-endpoint.ts';
import { VirtualTime } from './virtual-time.ts';

const UPSTREAM = { timeouts: { firstByteMs: 10_000 } } as unknown as Upstream;
const GIVEN_UP = new ProxyError('client-closed');

/** An endpoint that works on one request at a time for 100 ms and has so many connections. */
function setUp(maxConnections: number) {
  const time = new VirtualTime(0);
  const attempts = new Samples();
  const behaviour = parseBehaviour('latency:100ms,spread:none,capacity:1') as Behaviour;
  const pool = { maxConnections, maxWaiting: 10, waitTimeoutMs: 10_000 } as PoolSettings;
  const transport = new SimulatedEndpoint(0, behaviour, pool, { time, random: seededRandom(1), attempts });
  const cells = new EndpointCells(new Int32Array(16), new Int32Array(1), 0);
  const ended: string[] = [];
  const send = (name: string) => {
    const listener: AttemptListener = {
      responded: ({ status }) => void ended.push(`${name} ${status} at ${time.now()}`),
      failed: ({ code }) => void ended.push(`${name} ${code} at ${time.now()}`),
      requestMoved() {},
      contentEnded() {},
    };
    return transport.send(createTestExchange(), UPSTREAM, { cells } as unknown as Endpoint, listener);
  };
  return { time, attempts, cells, ended, send };
}

for (const [place, maxConnections] of [
  ['in the queue of the endpoint', 9],
  ['for a connection', 2],
] as const) {
  test(`an attempt that is given up while it waits ${place} is never answered, and who waits behind it moves up`, async () => {
    const { time, cells, ended, send } = setUp(maxConnections);
    send('a');
    send('b');
    const given = send('c');
    send('d');
    given.cancel(GIVEN_UP);
    given.cancel(GIVEN_UP);
    assert.equal(cells.inFlight, 3);
    await time.run(() => ended.length === 3);
    assert.deepEqual(ended, ['a 200 at 100', 'b 200 at 200', 'd 200 at 300']);
    assert.equal(cells.inFlight, 0);
  });
}

test('an attempt that is given up while it is worked on makes room at once, and is no failure of the endpoint', async () => {
  const { time, attempts, ended, send } = setUp(9);
  const given = send('a');
  send('b');
  time.set(() => given.cancel(GIVEN_UP), 30);
  await time.run(() => ended.length === 1);
  assert.deepEqual(ended, ['b 200 at 130']);
  assert.deepEqual(
    [...attempts.rows()].map(({ endMs, status }) => [endMs, status]),
    [
      [30, 499],
      [130, 200],
    ],
  );
});
