// Clients that take their time: every wait has an end, and it is the configured one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTidegate } from '../support/gateway.ts';
import { ok, startOrigin } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';

const configuration = (address: string) => `
listeners:
  web:
    address: '127.0.0.1:0'
    timeouts: { head: 300ms, body: 300ms, keep-alive: 300ms, send: 300ms }
    limits: { connections: 60, requests: 3 }
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['${address}'] } }
`;

test('a head that never ends is answered 408 and leaves a record', async (t) => {
  const origin = await startOrigin(t);
  const gateway = await startTidegate(t, configuration(origin.address));
  const client = await connectRaw(t, gateway.port());
  await client.send('GET / HTTP/1.1\r\nHost: a\r\nX-Slow');
  const response = await client.response();
  assert.equal(response.status, 408);
  assert.equal(await client.closed(), '');
  const [record] = await gateway.untilRecords(1);
  assert.equal(record?.error, 'request-head-timeout');
});

test('bytes that drip in do not put the deadline of a head off', async (t) => {
  const origin = await startOrigin(t);
  const gateway = await startTidegate(t, configuration(origin.address));
  const client = await connectRaw(t, gateway.port());
  const timer = setInterval(() => client.socket.write('X-A: b\r\n'), 50);
  t.after(() => clearInterval(timer));
  void client.send('GET / HTTP/1.1\r\nHost: a\r\n');
  assert.equal((await client.response()).status, 408);
});

test('a client that says nothing at all is let go without an answer', async (t) => {
  const origin = await startOrigin(t);
  const gateway = await startTidegate(t, configuration(origin.address));
  const client = await connectRaw(t, gateway.port());
  assert.equal(await client.closed(), '');
});

test('content that stops coming is answered 408', async (t) => {
  const origin = await startOrigin(t);
  const gateway = await startTidegate(t, configuration(origin.address));
  const client = await connectRaw(t, gateway.port());
  await client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf');
  const response = await client.response();
  assert.equal(response.status, 408);
  assert.equal(await client.closed(), '');
  assert.equal(origin.requests.length, 0);
});

test('an idle connection is closed without an answer', async (t) => {
  const origin = await startOrigin(t);
  const gateway = await startTidegate(t, configuration(origin.address));
  const client = await connectRaw(t, gateway.port());
  assert.equal((await client.request('GET / HTTP/1.1\r\nHost: a\r\n\r\n')).status, 200);
  assert.equal(await client.closed(), '');
});

test('a client that stops taking the response is let go', async (t) => {
  const origin = await startOrigin(t, () => ok('x'.repeat(20_000_000)));
  const gateway = await startTidegate(t, configuration(origin.address));
  const client = await connectRaw(t, gateway.port(), { paused: true });
  await client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  const [record] = await gateway.untilRecords(1);
  assert.equal(record?.error, 'client-stalled');
});

test('a connection is told to close at its last request', async (t) => {
  const origin = await startOrigin(t);
  const gateway = await startTidegate(t, configuration(origin.address));
  const client = await connectRaw(t, gateway.port());
  const told: (string | undefined)[] = [];
  for (let count = 0; count < 3; count++)
    told.push((await client.request('GET / HTTP/1.1\r\nHost: a\r\n\r\n')).field('connection'));
  assert.deepEqual(told, [undefined, undefined, 'close']);
  assert.equal(await client.closed(), '');
});

test('many clients with unfinished heads do not keep others out for longer than the deadline', async (t) => {
  const origin = await startOrigin(t);
  const gateway = await startTidegate(t, configuration(origin.address));
  for (let count = 0; count < 60; count++) {
    const slow = await connectRaw(t, gateway.port());
    void slow.send('GET / HTTP/1.1\r\n');
  }
  const ask = async () => {
    const client = await connectRaw(t, gateway.port());
    return (await client.request('GET / HTTP/1.1\r\nHost: a\r\n\r\n')).status;
  };
  // Over the limit a connection is reset at once.
  while ((await ask().catch(() => 0)) !== 200) await new Promise((resolve) => setTimeout(resolve, 20));
});
