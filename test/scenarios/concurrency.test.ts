// How many requests an upstream gets at a time, over all workers; who waits, who goes first, who is refused.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTidegate, type TestGateway } from '../support/gateway.ts';
import { type Origin, ok, startOrigin } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

const configuration = (origin: Origin, concurrency: string, workers = 1) => `
workers: ${workers}
routes:
  - { name: first, match: { path: /high }, upstream: app, priority: high }
  - { name: last, match: { path: /low }, upstream: app, priority: low }
  - { name: others, match: { path: /* }, upstream: app }
upstreams: { app: { endpoints: ['${origin.address}'], concurrency: { ${concurrency} } } }
`;

/** An origin that answers when it is told to, and knows how many requests it had at a time. */
async function heldOrigin(t: Parameters<typeof startOrigin>[0]) {
  const held: (() => void)[] = [];
  let most = 0;
  const origin = await startOrigin(t, async ({ target }) => {
    await new Promise<void>((resolve) => {
      held.push(resolve);
      most = Math.max(most, held.length);
    });
    return ok(target);
  });
  return { origin, answerOne: () => held.shift()?.(), held: () => held.length, most: () => most };
}

const untilWaiting = (gateway: TestGateway, count: number) =>
  gateway.untilAdmin<{ concurrency: { waiting: number } }>(
    '/upstreams/app',
    ({ concurrency }) => concurrency.waiting === count,
  );

test('no more requests are under way than the limit, over all workers, and all are served', async (t) => {
  const { origin, answerOne, held, most } = await heldOrigin(t);
  const gateway = await startTidegate(t, configuration(origin, 'limit: 3, wait-timeout: 1m', 2));
  const clients = await Promise.all(Array.from({ length: 12 }, () => connectRaw(t, gateway.port())));
  const responses = clients.map((client) => client.request(get('/')));
  await untilWaiting(gateway, 9);
  assert.equal(held(), 3);
  for (let answered = 0; answered < 12; answered++) {
    await origin.untilRequested(answered + 1);
    answerOne();
  }
  for (const response of responses) assert.equal((await response).status, 200);
  assert.equal(most(), 3);
});

test('those whose route is more important go first', async (t) => {
  const { origin, answerOne } = await heldOrigin(t);
  const gateway = await startTidegate(t, configuration(origin, 'limit: 1, wait-timeout: 1m'));
  const paths = ['/', '/low', '/normal', '/high'];
  for (const [waiting, path] of paths.entries()) {
    const client = await connectRaw(t, gateway.port());
    void client.send(get(path));
    await (waiting === 0 ? origin.untilRequested(1) : untilWaiting(gateway, waiting));
  }
  for (let answered = 0; answered < 4; answered++) {
    await origin.untilRequested(answered + 1);
    answerOne();
  }
  assert.deepEqual(
    origin.requests.map(({ target }) => target),
    ['/', '/high', '/normal', '/low'],
  );
});

test('who waits too long, or finds the queue full, is answered 503 with a reason', async (t) => {
  const { origin } = await heldOrigin(t);
  const gateway = await startTidegate(t, configuration(origin, 'limit: 1, max-waiting: 1, wait-timeout: 200ms'));
  const clients = await Promise.all([1, 2, 3].map(() => connectRaw(t, gateway.port())));
  void clients[0]?.send(get('/'));
  await origin.untilRequested(1);
  const late = clients[1]?.request(get('/'));
  await untilWaiting(gateway, 1);
  const refused = await clients[2]?.request(get('/'));
  assert.equal(refused?.status, 503);
  assert.equal(refused?.field('retry-after'), '1');
  assert.equal((await late)?.status, 503);
  const records = await gateway.untilRecords(2);
  assert.deepEqual(
    records.map(({ error, phase }) => [error, phase]),
    [
      ['upstream-full', 'queue'],
      ['upstream-full', 'queue'],
    ],
  );
  assert.equal(await gateway.metric('tidegate_upstream_queue_refused_total{upstream="app"}'), 2);
});

test('a client that leaves the queue leaves it, and its place under way is given back', async (t) => {
  const { origin, answerOne } = await heldOrigin(t);
  const gateway = await startTidegate(t, configuration(origin, 'limit: 1, wait-timeout: 1m'));
  const [first, second, third] = await Promise.all([1, 2, 3].map(() => connectRaw(t, gateway.port())));
  void first?.send(get('/'));
  await origin.untilRequested(1);
  void second?.send(get('/'));
  await untilWaiting(gateway, 1);
  second?.abort();
  await untilWaiting(gateway, 0);
  first?.abort();
  const response = third?.request(get('/'));
  await origin.untilRequested(2);
  answerOne();
  answerOne();
  assert.equal((await response)?.status, 200);
});

test('an adaptive limit is told once it is found out', async (t) => {
  const origin = await startOrigin(t);
  const gateway = await startTidegate(t, configuration(origin, 'limit: adaptive, min: 4'));
  const client = await connectRaw(t, gateway.port());
  for (let turn = 0; turn < 200; turn++) assert.equal((await client.request(get('/'))).status, 200);
  const { concurrency } = await gateway.admin<{ concurrency: { limit: number } }>('/upstreams/app');
  assert.ok(concurrency.limit >= 4);
});

test('how quickly requests are failed tells an adaptive limit nothing', async (t) => {
  const origin = await startOrigin(t, () => 'HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n');
  const gateway = await startTidegate(t, configuration(origin, 'limit: adaptive, min: 4'));
  const client = await connectRaw(t, gateway.port());
  for (let turn = 0; turn < 200; turn++) assert.equal((await client.request(get('/'))).status, 503);
  const { concurrency } = await gateway.admin<{ concurrency: { limit: number } }>('/upstreams/app');
  assert.equal(concurrency.limit, null);
});

test('connections of a TCP listener wait for their turn too', async (t) => {
  const origin = await startOrigin(t);
  const gateway = await startTidegate(
    t,
    `
listeners: { wire: { address: '127.0.0.1:0', protocol: tcp, upstream: app } }
upstreams: { app: { endpoints: ['${origin.address}'], concurrency: { limit: 1, wait-timeout: 1m } } }
`,
  );
  const first = await connectRaw(t, gateway.port());
  assert.equal((await first.request(get('/'))).status, 200);
  const second = await connectRaw(t, gateway.port());
  const response = second.request(get('/'));
  await untilWaiting(gateway, 1);
  first.abort();
  assert.equal((await response).status, 200);
});
