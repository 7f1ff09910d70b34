// Who cannot take more holds the other side back, and the gateway's memory does not grow in between.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { proxyTo, startTidegate, type TestGateway } from '../support/gateway.ts';
import { startOrigin } from '../support/origin.ts';
import { connectRaw, type RawClient } from '../support/raw-client.ts';

const MIB = 1024 * 1024;
const TOTAL = 96 * MIB;
const BLOCK = Buffer.alloc(MIB, 'abcdefghijklmnopqrstuvwxyz0123456789');
/** Socket buffers of the kernel on four sides hold some; a gateway that gathers would hold nearly all. */
const MOST_IN_BETWEEN = 40 * MIB;

function residentBytes({ pid }: TestGateway): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

/** Waits until a count stands still. */
async function settled(count: () => number): Promise<number> {
  for (let last = -1; ; last = count()) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    if (count() === last) return last;
  }
}

/** Reads on, and returns the SHA-256 of so many bytes behind the response head. */
async function hashOfContent(client: RawClient, length: number): Promise<string> {
  const hash = createHash('sha256');
  let received = 0;
  let headRead = false;
  client.socket.removeAllListeners('data');
  client.socket.on('data', (bytes: Buffer) => {
    const content = headRead ? bytes : bytes.subarray(bytes.indexOf('\r\n\r\n') + 4);
    headRead = true;
    received += content.length;
    hash.update(content);
  });
  client.socket.resume();
  while (received < length) await once(client.socket, 'data');
  return hash.digest('hex');
}

test('a client that does not read stops the origin, and later gets every byte', async (t) => {
  let written = 0;
  const origin = await startOrigin(t, async (_request, { socket }) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${TOTAL}\r\n\r\n`);
    while (written < TOTAL) {
      written += BLOCK.length;
      if (!socket.write(BLOCK)) await once(socket, 'drain');
    }
    return undefined;
  });
  const gateway = await startTidegate(t, proxyTo(origin));
  const before = residentBytes(gateway);
  const client = await connectRaw(t, gateway.port(), { paused: true });
  await client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  const stopped = await settled(() => written);
  assert.ok(stopped < TOTAL / 2, `${stopped}`);
  assert.ok(residentBytes(gateway) - before < MOST_IN_BETWEEN);

  const received = await hashOfContent(client, TOTAL);
  const expected = createHash('sha256');
  for (let block = 0; block < TOTAL; block += MIB) expected.update(BLOCK);
  assert.equal(received, expected.digest('hex'));
});

test('an origin that does not read stops the client', async (t) => {
  const origin = await startOrigin(t, undefined, { onConnection: ({ socket }) => socket.pause() });
  const gateway = await startTidegate(t, proxyTo(origin));
  const before = residentBytes(gateway);
  const client = await connectRaw(t, gateway.port());
  await client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${TOTAL}\r\n\r\n`);
  let taken = 0;
  void (async () => {
    for (let block = 0; block < TOTAL; block += MIB) {
      await client.send(BLOCK);
      taken += MIB;
    }
  })();
  const stopped = await settled(() => taken);
  assert.ok(stopped < TOTAL / 2, `${stopped}`);
  assert.ok(residentBytes(gateway) - before < MOST_IN_BETWEEN);
});

test('chunked content keeps back-pressure too', async (t) => {
  let written = 0;
  const chunk = Buffer.concat([Buffer.from(`${MIB.toString(16)}\r\n`), BLOCK, Buffer.from('\r\n')]);
  const origin = await startOrigin(t, async (_request, { socket }) => {
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    while (written < TOTAL && !socket.destroyed) {
      written += MIB;
      if (!socket.write(chunk)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]);
    }
    return undefined;
  });
  const gateway = await startTidegate(t, proxyTo(origin));
  const client = await connectRaw(t, gateway.port(), { paused: true });
  await client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  const stopped = await settled(() => written);
  assert.ok(stopped < TOTAL / 2, `${stopped}`);
});

/** Sends until the other side takes no more; returns how much was taken. */
async function fill(send: () => Promise<unknown>): Promise<number> {
  let sent = 0;
  void (async () => {
    for (; sent < TOTAL; sent += BLOCK.length) await send();
  })().catch(() => {});
  return await settled(() => sent);
}

test('a client that was held up by a slow origin and then sends no more is answered 408', async (t) => {
  const origin = await startOrigin(t, undefined, { onConnection: ({ socket }) => socket.pause() });
  const gateway = await startTidegate(
    t,
    `listeners: { web: { address: '127.0.0.1:0', timeouts: { body: 300ms } } }\n${proxyTo(origin)}`,
  );
  const client = await connectRaw(t, gateway.port());
  await client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${1000 * TOTAL}\r\n\r\n`);
  let block = BLOCK;
  await fill(async () => {
    await client.send(block);
  });
  // The origin takes all there is, and the client, who could go on, does not.
  block = Buffer.alloc(0);
  origin.connections[0]?.socket.resume();
  assert.equal((await client.response()).status, 408);
});

test('an origin that was held up by a slow client and then sends no more is a response that times out', async (t) => {
  let block = BLOCK;
  const origin = await startOrigin(t, async (_request, { socket }) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${1000 * TOTAL}\r\n\r\n`);
    await fill(async () => {
      if (!socket.write(block)) await once(socket, 'drain');
    });
    return undefined;
  });
  const gateway = await startTidegate(
    t,
    `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['${origin.address}'], timeouts: { idle: 300ms } } }
`,
  );
  const client = await connectRaw(t, gateway.port(), { paused: true });
  await client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await settled(() => origin.connections[0]?.socket.bytesWritten ?? 0);
  block = Buffer.alloc(0);
  client.socket.resume();
  const [record] = await gateway.untilRecords(1);
  assert.equal(record?.error, 'http_response_timeout');
});

test('a client that sends requests and reads no response is held back, also where responses have no content', async (t) => {
  const padding = `X-Padding: ${'x'.repeat(8000)}\r\n`;
  const origin = await startOrigin(t, () => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n${padding}\r\n0\r\n\r\n`);
  const gateway = await startTidegate(
    t,
    `listeners: { web: { address: '127.0.0.1:0', timeouts: { send: 500ms } } }\n${proxyTo(origin)}`,
  );
  const client = await connectRaw(t, gateway.port(), { paused: true });
  void client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(20_000));
  const last = await gateway.until(() => gateway.records.find(({ error }) => error === 'client-stalled'));
  assert.equal(last.ended_by, 'client');
  assert.ok(origin.requests.length < 5000, `${origin.requests.length}`);
});

/** An upgrade of the connection to a WebSocket, as a client asks for it and as an origin grants it. */
const HANDSHAKE =
  'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
const SWITCHED =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n';

test('one message of a WebSocket that a policy looks at streams through, and stops when the client does not read', async (t) => {
  const head = Buffer.from([0x82, 127, 0, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(TOTAL, 6);
  let written = 0;
  const origin = await startOrigin(t, async (_request, { socket }) => {
    socket.write(SWITCHED);
    socket.write(head);
    while (written < TOTAL) {
      written += BLOCK.length;
      if (!socket.write(BLOCK)) await once(socket, 'drain');
    }
    return undefined;
  });
  const gateway = await startTidegate(
    t,
    proxyTo(origin).replace('upstream: app', 'policies: [{ type: websocket, max-message: 1GiB }], upstream: app'),
  );
  const before = residentBytes(gateway);
  const client = await connectRaw(t, gateway.port(), { paused: true });
  await client.send(HANDSHAKE);
  const stopped = await settled(() => written);
  assert.ok(stopped < TOTAL / 2, `${stopped}`);
  assert.ok(residentBytes(gateway) - before < MOST_IN_BETWEEN);
  const received = await hashOfContent(client, head.length + TOTAL);
  const expected = createHash('sha256').update(head);
  for (let block = 0; block < TOTAL; block += MIB) expected.update(BLOCK);
  assert.equal(received, expected.digest('hex'));
});

test('an origin of a WebSocket that a policy looks at, and that does not read, stops the client', async (t) => {
  const origin = await startOrigin(t, (_request, { socket }) => {
    socket.pause();
    return SWITCHED;
  });
  const gateway = await startTidegate(
    t,
    proxyTo(origin).replace('upstream: app', 'policies: [{ type: websocket }], upstream: app'),
  );
  const before = residentBytes(gateway);
  const client = await connectRaw(t, gateway.port());
  assert.equal((await client.request(HANDSHAKE)).status, 101);
  // Binary, masked by zeros.
  const message = Buffer.concat([Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0]), BLOCK]);
  let taken = 0;
  void (async () => {
    for (let block = 0; block < TOTAL; block += MIB) {
      await client.send(message);
      taken += MIB;
    }
  })();
  const stopped = await settled(() => taken);
  assert.ok(stopped < TOTAL / 2, `${stopped}`);
  assert.ok(residentBytes(gateway) - before < MOST_IN_BETWEEN);
});
