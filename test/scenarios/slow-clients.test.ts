// Clients that take their time: every wait has an end, and it is the configured one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTidegate } from '../support/gateway.ts';
import { connectHttp2 } from '../support/http2-client.ts';
import { FRAME, SETTING } from '../support/http2-frames.ts';
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

/** With one connection to the endpoint: whoever keeps it is seen by others. */
const narrow = (address: string, sendTimeout: string) => `
listeners: { web: { address: '127.0.0.1:0', timeouts: { send: ${sendTimeout} } } }
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['${address}'], pool: { max-connections: 1, wait-timeout: 10s } } }
`;

const SMALL = Array.from({ length: 60_000 }, (_, i) => String.fromCharCode(97 + (i % 26))).join('');

for (const [what, head, parts] of [
  ['of a known length', `Content-Length: ${SMALL.length}`, (text: string) => text],
  ['in chunks', 'Transfer-Encoding: chunked', (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`],
  ['up to the end of the connection', 'Connection: close', (text: string) => text],
] as const) {
  test(`a small response ${what} that its client does not take leaves the connection to others, and comes whole later`, async (t) => {
    const origin = await startOrigin(t, async ({ target }, { socket }) => {
      if (target !== '/small') return ok('other');
      socket.write(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n${parts(SMALL.slice(0, 20_000))}`);
      // So that the gateway has told its client something, and been told to wait, before the rest comes.
      await client.next(({ type }) => type === FRAME.headers);
      socket.write(parts(SMALL.slice(20_000)) + (head.includes('chunked') ? '0\r\n\r\n' : ''));
      if (head.includes('close')) socket.end();
      return undefined;
    });
    const gateway = await startTidegate(t, narrow(origin.address, '1m'));
    const client = await connectHttp2(t, gateway.port());
    await client.open([[SETTING.initialWindowSize, 0]]);
    void client.request(1, '/small');
    const other = await connectRaw(t, gateway.port());
    await origin.untilConnected();
    assert.equal((await other.request('GET / HTTP/1.1\r\nHost: a\r\n\r\n')).body, 'other');
    void client.windowUpdate(1, 100_000);
    let content = '';
    while (content.length < SMALL.length) {
      const { payload } = await client.next(({ type }) => type === FRAME.data);
      content += payload.toString('latin1');
    }
    assert.equal(content, SMALL);
  });
}

test('a client that leaves a small response behind does not end the request that has its connection now', async (t) => {
  let answerOther = (_text: string) => {};
  const origin = await startOrigin(t, ({ target }) =>
    target === '/small' ? ok(SMALL) : new Promise<string>((resolve) => (answerOther = resolve)),
  );
  const gateway = await startTidegate(t, narrow(origin.address, '1m'));
  const client = await connectHttp2(t, gateway.port());
  await client.open([[SETTING.initialWindowSize, 0]]);
  void client.request(1, '/small');
  await client.next(({ type }) => type === FRAME.headers);
  const other = await connectRaw(t, gateway.port());
  const answer = other.request('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await origin.untilRequested(2);
  void client.rst(1);
  await gateway.untilRecords(1);
  answerOther(ok('other'));
  assert.equal((await answer).body, 'other');
  assert.equal(origin.connections.length, 1);
});

test('a client that takes a byte of a large response now and then is let go, and others get its connection', async (t) => {
  const origin = await startOrigin(t, ({ target }) => ok(target === '/large' ? 'x'.repeat(2_000_000) : 'other'));
  const gateway = await startTidegate(t, narrow(origin.address, '500ms'));
  const client = await connectHttp2(t, gateway.port());
  await client.open([[SETTING.initialWindowSize, 1]]);
  void client.request(1, '/large');
  const timer = setInterval(() => void client.windowUpdate(1, 1), 20);
  t.after(() => clearInterval(timer));
  await origin.untilConnected();
  const other = await connectRaw(t, gateway.port());
  assert.equal((await other.request('GET / HTTP/1.1\r\nHost: a\r\n\r\n')).body, 'other');
  assert.equal(await client.reset(1), 'CANCEL');
  const records = await gateway.untilRecords(2);
  assert.ok(records.some(({ error }) => error === 'client-stalled'));
});

test('a client that takes a large response slowly, but more than the least, has all the time it takes', async (t) => {
  const content = 'x'.repeat(400_000);
  const origin = await startOrigin(t, () => ok(content));
  const gateway = await startTidegate(t, narrow(origin.address, '1s'));
  const client = await connectHttp2(t, gateway.port());
  const step = 8000;
  await client.open([[SETTING.initialWindowSize, step]]);
  void client.windowUpdate(0, content.length);
  void client.request(1, '/');
  let received = 0;
  while (received < content.length) {
    const { payload } = await client.next(({ type }) => type === FRAME.data);
    received += payload.length;
    // Longer in all than a client may take nothing.
    await new Promise((resolve) => setTimeout(resolve, 40));
    void client.windowUpdate(1, payload.length);
  }
  assert.equal(received, content.length);
});
