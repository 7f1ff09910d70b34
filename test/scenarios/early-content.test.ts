// Content that comes before anybody can take it: it waits, bounded, and never mixes with that of another request.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startTidegate, type TestGateway } from '../support/gateway.ts';
import { type Origin, ok, startOrigin } from '../support/origin.ts';
import { connectRaw, type RawClient } from '../support/raw-client.ts';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A gateway whose only connection to the origin is taken for a while: everything else has to wait. */
async function startBusy(t: TestContext, busyMs: number, waitTimeout = '5s') {
  const origin = await startOrigin(t, async ({ target }) => {
    if (target === '/busy') await pause(busyMs);
    return ok();
  });
  const gateway = await startTidegate(
    t,
    `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['${origin.address}'], pool: { max-connections: 1, wait-timeout: ${waitTimeout} } } }
`,
  );
  const busy = await connectRaw(t, gateway.port());
  await busy.send('GET /busy HTTP/1.1\r\nHost: a\r\n\r\n');
  while (origin.connections.length === 0) await pause(5);
  return { origin, gateway };
}

/** Sends content in pieces, each in a packet of its own. */
async function post(t: TestContext, gateway: TestGateway, path: string, pieces: readonly string[]): Promise<RawClient> {
  const client = await connectRaw(t, gateway.port());
  client.socket.setNoDelay(true);
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  await client.send(`POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`);
  for (const piece of pieces) {
    await pause(30);
    await client.send(piece);
  }
  return client;
}

function contentOf(origin: Origin, target: string): string | undefined {
  return origin.requests.find((request) => request.target === target)?.body;
}

for (const [what, sizes] of [
  ['large pieces', [20_000, 20_000, 20_000]],
  ['large pieces and small ones', [17_000, 9_000, 50, 30_000, 1, 40_000]],
] as const) {
  test(`content in ${what} that waits for a connection arrives unchanged and with its own request`, async (t) => {
    const { origin, gateway } = await startBusy(t, 1000);
    const pieces = (letter: number) => sizes.map((size, i) => String.fromCharCode(letter + i).repeat(size));
    const clients = [await post(t, gateway, '/one', pieces(65)), await post(t, gateway, '/two', pieces(97))];
    for (const client of clients) assert.equal((await client.response()).status, 200);
    assert.ok(contentOf(origin, '/one') === pieces(65).join(''), 'the content of /one is another');
    assert.ok(contentOf(origin, '/two') === pieces(97).join(''), 'the content of /two is another');
  });
}

test('a connection goes on behind an answer that came before its content had a reader', async (t) => {
  const { gateway } = await startBusy(t, 3000, '200ms');
  const client = await connectRaw(t, gateway.port());
  const content = 'x'.repeat(70_000);
  for (let turn = 0; turn < 2; turn++) {
    await client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${content.length}\r\n\r\n${content}`);
    const response = await client.response();
    assert.equal(response.status, 503);
    assert.equal(response.field('connection'), undefined);
  }
});

test('a client that sends requests ahead and ends its side gets all of its answers', async (t) => {
  const { gateway, origin } = await startBusy(t, 500);
  const client = await connectRaw(t, gateway.port());
  client.socket.setNoDelay(true);
  await client.send('POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n');
  await pause(50);
  await client.send('helloGET /b HTTP/1.1\r\nHost: a\r\n\r\nGET /c HTTP/1.1\r\nHost: a\r\n\r\n');
  client.end();
  for (let count = 0; count < 3; count++) assert.equal((await client.response()).status, 200);
  assert.equal(await client.closed(), '');
  assert.deepEqual(
    origin.requests.map(({ target }) => target),
    ['/busy', '/a', '/b', '/c'],
  );
});

test('content that nobody wants is read and dropped when it is small, and the connection goes on', async (t) => {
  const gateway = await startTidegate(t, "routes: [{ name: one, match: { path: /one }, respond: { body: 'yes' } }]");
  const client = await connectRaw(t, gateway.port());
  client.socket.setNoDelay(true);
  await client.send('POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n');
  const response = await client.response();
  assert.equal(response.status, 404);
  assert.equal(response.field('connection'), undefined);
  await client.send('helloGET /one HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.equal((await client.response()).body, 'yes');
});

test('a client that was answered and then sends no more of its content is let go', async (t) => {
  const gateway = await startTidegate(
    t,
    `
listeners: { web: { address: '127.0.0.1:0', timeouts: { body: 200ms } } }
routes: [{ name: one, match: { path: /one }, respond: { body: 'yes' } }]
`,
  );
  const client = await connectRaw(t, gateway.port());
  await client.send('POST /one HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe');
  assert.equal((await client.response()).body, 'yes');
  assert.equal(await client.closed(), '');
  const [record] = await gateway.untilRecords(1);
  assert.equal(record?.status, 200);
  assert.equal(record?.ended_by, undefined);
});

test('content over limits.body is refused before the origin has the whole of it', async (t) => {
  const origin = await startOrigin(t);
  const gateway = await startTidegate(
    t,
    `
listeners: { web: { address: '127.0.0.1:0', limits: { body: 1KiB } } }
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['${origin.address}'] } }
`,
  );
  const client = await connectRaw(t, gateway.port());
  await client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  while (origin.connections.length === 0) await pause(5);
  await client.send(`${(40_000).toString(16)}\r\n${'x'.repeat(40_000)}\r\n0\r\n\r\n`);
  assert.equal((await client.response()).status, 413);
  assert.equal(origin.requests.length, 0);
});
