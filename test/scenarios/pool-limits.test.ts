// Limits of connections to an endpoint: who waits, for how long, and who is refused.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTidegate } from '../support/gateway.ts';
import { type Origin, ok, startOrigin } from '../support/origin.ts';
import { missing } from '../support/peers.ts';
import { connectRaw } from '../support/raw-client.ts';
import { run } from '../support/tls.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

const configuration = (origin: Origin, pool: string) => `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['${origin.address}'], pool: { ${pool} } } }
`;

/** An origin that answers when it is told to. */
async function heldOrigin(t: Parameters<typeof startOrigin>[0]) {
  const waiting: (() => void)[] = [];
  const origin = await startOrigin(t, async () => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    return ok();
  });
  const untilWaiting = async (count: number) => {
    while (waiting.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  return { origin, untilWaiting, answerOne: () => waiting.shift()?.() };
}

test('no more connections are opened than the limit, and who waits gets the next free one', async (t) => {
  const { origin, untilWaiting, answerOne } = await heldOrigin(t);
  const gateway = await startTidegate(t, configuration(origin, 'max-connections: 2'));
  const clients = await Promise.all(Array.from({ length: 6 }, () => connectRaw(t, gateway.port())));
  const responses = clients.map((client) => client.request(GET));
  for (let answered = 0; answered < 6; answered++) {
    await untilWaiting(1);
    answerOne();
  }
  for (const response of responses) assert.equal((await response).status, 200);
  assert.equal(origin.connections.length, 2);
});

test('who waits too long is answered 503 with Retry-After', async (t) => {
  const { origin, untilWaiting } = await heldOrigin(t);
  const gateway = await startTidegate(t, configuration(origin, 'max-connections: 1, wait-timeout: 200ms'));
  const first = await connectRaw(t, gateway.port());
  void first.send(GET);
  await untilWaiting(1);
  const second = await connectRaw(t, gateway.port());
  const response = await second.request(GET);
  assert.equal(response.status, 503);
  assert.ok(response.field('retry-after'));
  assert.match(response.field('proxy-status') ?? '', /error=connection_limit_reached/);
});

test('who finds the queue full is answered 503 at once', async (t) => {
  const { origin, untilWaiting } = await heldOrigin(t);
  const gateway = await startTidegate(
    t,
    configuration(origin, 'max-connections: 1, max-waiting: 0, wait-timeout: 60s'),
  );
  const first = await connectRaw(t, gateway.port());
  void first.send(GET);
  await untilWaiting(1);
  const second = await connectRaw(t, gateway.port());
  assert.equal((await second.request(GET)).status, 503);
});

test('ten thousand requests at once, of a hundred clients of HTTP/2, are all answered with as many waiting as may by default', {
  skip: missing('h2load'),
}, async (t) => {
  const origin = await startOrigin(t);
  const gateway = await startTidegate(t, configuration(origin, 'max-connections: 16, wait-timeout: 60s'));
  const url = `http://127.0.0.1:${gateway.port()}/`;
  const output = await run('h2load', ['-n', '10000', '-c', '100', '-m', '100', url]);
  assert.match(output, /^status codes: 10000 2xx, 0 3xx, 0 4xx, 0 5xx/m);
});

test('who waits gets the place of a connection of a TCP listener that has ended', async (t) => {
  const origin = await startOrigin(t, () => ok());
  const pool = 'max-connections: 1, wait-timeout: 50s';
  const listeners = `{ web: { address: '127.0.0.1:0' }, raw: { address: '127.0.0.1:0', protocol: tcp, upstream: app } }`;
  const gateway = await startTidegate(t, `listeners: ${listeners}${configuration(origin, pool)}`);
  const passed = await connectRaw(t, gateway.port('raw'));
  assert.equal((await passed.request(GET)).status, 200);
  const waiting = (await connectRaw(t, gateway.port('web'))).request(GET);
  while ((await gateway.metric(`tidegate_endpoint_waiting{upstream="app",endpoint="${origin.address}"}`)) === 0)
    await new Promise((resolve) => setTimeout(resolve, 5));
  passed.abort();
  assert.equal((await waiting).status, 200);
});

test('who leaves the queue takes no connection from those behind', async (t) => {
  const { origin, untilWaiting, answerOne } = await heldOrigin(t);
  const gateway = await startTidegate(t, configuration(origin, 'max-connections: 1'));
  const [first, second, third] = await Promise.all([1, 2, 3].map(() => connectRaw(t, gateway.port())));
  const answered = first?.request(GET);
  await untilWaiting(1);
  await second?.send(GET);
  second?.abort();
  await gateway.untilRecords(1);
  const last = third?.request(GET);
  answerOne();
  await untilWaiting(1);
  answerOne();
  assert.equal((await answered)?.status, 200);
  assert.equal((await last)?.status, 200);
  assert.equal(origin.requests.length, 2);
});

test('a connection ends at its limit of requests', async (t) => {
  const origin = await startOrigin(t);
  const gateway = await startTidegate(t, configuration(origin, 'max-requests: 2'));
  const client = await connectRaw(t, gateway.port());
  for (let turn = 0; turn < 6; turn++) assert.equal((await client.request(GET)).status, 200);
  assert.deepEqual(
    origin.requests.map(({ connection }) => connection),
    [0, 0, 1, 1, 2, 2],
  );
});

test('a connection past its greatest age ends with its exchange, whole, and the next request gets a new one', async (t) => {
  const origin = await startOrigin(t, async () => {
    await new Promise((resolve) => setTimeout(resolve, 10));
    return ok();
  });
  const gateway = await startTidegate(t, configuration(origin, 'max-age: 5ms'));
  const client = await connectRaw(t, gateway.port());
  for (let turn = 0; turn < 4; turn++) assert.equal((await client.request(GET)).body, 'ok');
  assert.deepEqual(
    origin.requests.map(({ connection }) => connection),
    [0, 1, 2, 3],
  );
});

test('an idle connection past its greatest age is not used, and one below it is', async (t) => {
  const origin = await startOrigin(t);
  const gateway = await startTidegate(t, configuration(origin, 'max-age: 1s'));
  const client = await connectRaw(t, gateway.port());
  while (origin.connections.length < 3) {
    assert.equal((await client.request(GET)).status, 200);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.ok(origin.requests.filter(({ connection }) => connection === 0).length > 1);
});

test('whoever was sent on a connection that was closed already gets a new one, also when it waits for that', async (t) => {
  // It closes a connection that it has kept when the second request comes.
  const served = new Set<number>();
  const origin = await startOrigin(t, (_request, { socket, number }) => {
    if (!served.has(number)) {
      served.add(number);
      return ok();
    }
    socket.destroy();
    return undefined;
  });
  const gateway = await startTidegate(t, configuration(origin, 'max-connections: 1'));
  const clients = await Promise.all(Array.from({ length: 12 }, () => connectRaw(t, gateway.port())));
  const responses = clients.map((client) => client.request(GET));
  for (const response of responses) assert.equal((await response).status, 200);
  const records = await gateway.untilRecords(12);
  for (const { attempts } of records) assert.ok(Number(attempts) <= 2, `${attempts} attempts`);
});

test('an attempt whose time is over while it waits for a connection is no failure of the endpoint', async (t) => {
  const { origin, untilWaiting, answerOne } = await heldOrigin(t);
  const gateway = await startTidegate(
    t,
    `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams:
  app:
    endpoints: ['${origin.address}']
    pool: { max-connections: 1 }
    retry: { attempt-timeout: 300ms }
    timeouts: { first-byte: 1m }
`,
  );
  const first = await connectRaw(t, gateway.port());
  // What streams has the time that the client takes.
  await first.send('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n1');
  await origin.untilConnected();
  const second = await connectRaw(t, gateway.port());
  const response = await second.request(GET);
  assert.equal(response.status, 503);
  assert.match(response.field('proxy-status') ?? '', /error=connection_limit_reached/);
  const failures = `tidegate_endpoint_attempt_failures_total{upstream="app",endpoint="${origin.address}"}`;
  assert.equal(await gateway.metric(failures), 0);
  await first.send('2');
  await untilWaiting(1);
  answerOne();
  assert.equal((await first.response()).status, 200);
});
