// Unix sockets on either side: they have no addresses and know no reset.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startGateway } from '#server/gateway.ts';
import { connected } from '../support/connected.ts';
import { spawnTidegate, startTidegate } from '../support/gateway.ts';
import { connectRaw, RawClient } from '../support/raw-client.ts';
import { rememberWorkers } from '../support/workers.ts';

async function socketPath(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-test-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'a.sock');
}

/** An origin on a Unix socket that hands each connection with the first bytes of it to `serve`. */
async function startUnixOrigin(t: TestContext, serve: (socket: Socket, bytes: string) => void): Promise<string> {
  const path = await socketPath(t);
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (bytes: Buffer) => serve(socket, bytes.toString('latin1')));
  });
  server.listen(path);
  await once(server, 'listening');
  t.after(() => server.close());
  return path;
}

const toUnix = (path: string, upstream = '') => `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['unix:${path}']${upstream} } }
`;

test('requests reach an endpoint on a Unix socket; where the client names no host, it is localhost', async (t) => {
  const seen: string[] = [];
  const path = await startUnixOrigin(t, (socket, bytes) => {
    seen.push(/^host: (.*)\r$/m.exec(bytes)?.[1] ?? '');
    socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok');
  });
  const gateway = await startTidegate(t, toUnix(path));
  const client = await connectRaw(t, gateway.port());
  assert.equal((await client.request('GET / HTTP/1.1\r\nHost: a.example\r\n\r\n')).body, 'ok');
  assert.equal((await client.request('GET / HTTP/1.0\r\n\r\n')).body, 'ok');
  assert.deepEqual(seen, ['a.example', 'localhost']);
});

test('a client that resets its tunnel to a Unix socket costs nobody else anything', async (t) => {
  const path = await startUnixOrigin(
    t,
    (socket) =>
      void socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n'),
  );
  const gateway = await startTidegate(t, `${toUnix(path)}\npolicies: []\n`);
  const bystander = await connectRaw(t, gateway.port());
  const client = await connectRaw(t, gateway.port());
  const upgrade = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n';
  assert.equal((await client.request(upgrade)).status, 101);
  client.abort();
  await gateway.untilRecords(1);
  assert.equal((await bystander.request('GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n')).status, 502);
  const { workers } = await gateway.admin<{ workers: { state: string }[] }>('/status');
  assert.deepEqual(
    workers.map(({ state }) => state),
    ['ready'],
  );
});

test('a response that breaks off ends the connection of a client on a Unix socket, and no other', async (t) => {
  const listen = await socketPath(t);
  const path = await startUnixOrigin(t, (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf');
    setTimeout(() => socket.destroy(), 50);
  });
  const gateway = await startTidegate(t, `listeners: { web: { address: 'unix:${listen}' } }\n${toUnix(path)}`);
  const open = async () => {
    const socket = connect(listen);
    await connected(socket);
    t.after(() => socket.destroy());
    return new RawClient(socket);
  };
  const bystander = await open();
  const client = await open();
  await client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.match(await client.closed(), /half$/);
  assert.equal(bystander.reader.ended, false);
  assert.equal((await gateway.untilRecords(1))[0]?.ended_by, 'origin');
});

test('a listener whose socket would be in a folder that does not exist is refused, with the folder', async (t) => {
  const gateway = await spawnTidegate(t, "listeners: { web: { address: 'unix:/none/web.sock' } }");
  assert.equal(await gateway.exit, 69);
  assert.match(gateway.log[0]?.msg ?? '', /unix:\/none\/web\.sock cannot be listened on: there is no folder \/none$/);
});

test('a listener on a Unix socket serves with several workers, and again when its worker has died', async (t) => {
  const listen = await socketPath(t);
  const workers = rememberWorkers(t);
  const gateway = await startGateway({
    signals: false,
    logLevel: 'error',
    configuration: {
      version: 1,
      workers: 2,
      admin: { address: '127.0.0.1:0' },
      listeners: { web: { address: `unix:${listen}` } },
      logs: { access: { to: 'off' } },
      routes: [{ match: { path: '/*' }, respond: { body: 'here' } }],
    },
  });
  t.after(() => gateway.stop(0));
  const ask = async (): Promise<string> => {
    const socket = connect(listen);
    t.after(() => socket.destroy());
    const client = new RawClient(socket);
    return (await client.request('GET / HTTP/1.1\r\nHost: a\r\n\r\n')).body;
  };
  for (let turn = 0; turn < 4; turn++) assert.equal(await ask(), 'here');
  await workers[0]?.terminate();
  for (let body = ''; body !== 'here'; ) {
    body = await ask().catch(() => '');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});
