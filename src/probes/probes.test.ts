// Probes against real peers on loopback: what is healthy, what is not and why, and that none outlives its signal.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { basename } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { ProbeModule, ProbeResult } from '#model/probe.ts';
import { probes } from './index.ts';

function moduleOf(type: string): ProbeModule {
  const module = probes.find((candidate) => candidate.type === type);
  assert.ok(module);
  return module;
}

/** A server on a free port; returns how to probe it. */
async function startPeer(t: TestContext, serve: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    serve(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const { port } = server.address() as { port: number };
  const check = (type: string, options: object, timeoutMs = 2000): Promise<ProbeResult> => {
    const module = moduleOf(type);
    const probe = module.create(module.options.parse(options));
    return probe.check({ host: '127.0.0.1', port, socketPath: '' }, AbortSignal.timeout(timeoutMs));
  };
  return { check, port };
}

const answer =
  (body: string, status = 200) =>
  (socket: Socket) =>
    void socket.once('data', () =>
      socket.end(`HTTP/1.1 ${status} X\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`),
    );

test('every module of the folder is in the registry, and named for its type', () => {
  const files = globSync('*.ts', { cwd: import.meta.dirname }).map((file) => basename(file, '.ts'));
  const modules = files.filter((file) => file !== 'index' && !file.endsWith('.test'));
  assert.deepEqual(probes.map(({ type }) => type).toSorted(), modules.toSorted());
});

test('tcp: a connection is enough', async (t) => {
  const { check } = await startPeer(t, () => {});
  assert.deepEqual(await check('tcp', {}), { healthy: true, reason: 'connected' });
});

test('tcp: what is sent is answered as expected, in however many pieces', async (t) => {
  const { check } = await startPeer(t, (socket) => {
    socket.on('data', (bytes: Buffer) => {
      if (bytes.toString() !== 'PING\r\n') return;
      socket.write('+PO');
      setTimeout(() => socket.write('NG\r\n'), 20);
    });
  });
  const ping = { send: 'PING\r\n', expect: '+PONG' };
  assert.deepEqual(await check('tcp', ping), { healthy: true, reason: 'answer as expected' });
  assert.deepEqual(await check('tcp', { expect: '+PONG' }, 100), { healthy: false, reason: 'timeout' });
});

test('tcp: an answer that ends or grows without the expected text is not healthy', async (t) => {
  const { check } = await startPeer(t, (socket) => void socket.end('-ERR\r\n'));
  assert.match((await check('tcp', { expect: '+PONG' })).reason, /closed before/);
  const flood = await startPeer(t, (socket) => void socket.write('x'.repeat(100_000)));
  assert.match((await flood.check('tcp', { expect: '+PONG' })).reason, /lacks/);
});

test('http: status, text and expression decide', async (t) => {
  const { check } = await startPeer(t, answer('{"state":"up","load":7}'));
  assert.equal((await check('http', {})).healthy, true);
  assert.equal((await check('http', { status: 204 })).reason, 'status 200');
  assert.equal((await check('http', { body: '"up"' })).healthy, true);
  assert.equal((await check('http', { body: '"down"' })).healthy, false);
  assert.equal((await check('http', { 'body-matches': '"load":[0-9]\\b' })).healthy, true);
  assert.equal((await check('http', { 'body-matches': '"load":8' })).healthy, false);
  assert.equal((await check('http', { body: '"up"', 'body-matches': '"load":8' })).healthy, false);
});

test('http: an expression that is not linear is refused', () => {
  assert.equal(moduleOf('http').options.safeParse({ 'body-matches': '(a)\\1' }).success, false);
});

test('http: a peer that never answers costs no more than the timeout', async (t) => {
  const { check } = await startPeer(t, () => {});
  const began = performance.now();
  assert.deepEqual(await check('http', {}, 100), { healthy: false, reason: 'timeout' });
  assert.ok(performance.now() - began < 2000);
});

test('command: the status decides, the first line is the reason, and the endpoint is in the environment', async (t) => {
  const { check, port } = await startPeer(t, () => {});
  const script = (text: string) => ({ run: ['sh', '-c', text] });
  assert.deepEqual(await check('command', script('echo "$TIDEGATE_HOST:$TIDEGATE_PORT"; echo more')), {
    healthy: true,
    reason: `127.0.0.1:${port}`,
  });
  assert.deepEqual(await check('command', script('echo full; exit 2')), { healthy: false, reason: 'full' });
  assert.deepEqual(await check('command', script('exit 3')), { healthy: false, reason: 'the command ended with 3' });
});

test('command: one that does not end is killed at the timeout; one that is not there is unhealthy', async (t) => {
  const { check } = await startPeer(t, () => {});
  assert.deepEqual(await check('command', { run: ['sleep', '30'] }, 100), { healthy: false, reason: 'timeout' });
  assert.deepEqual(await check('command', { run: ['/no/such/program'] }), { healthy: false, reason: 'ENOENT' });
});

for (const type of ['tcp', 'http']) {
  test(`${type}: an endpoint that refuses is not healthy`, async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    server.close();
    await once(server, 'close');
    const module = moduleOf(type);
    const probe = module.create(module.options.parse({}));
    const result = await probe.check({ host: '127.0.0.1', port, socketPath: '' }, AbortSignal.timeout(2000));
    assert.deepEqual(result, { healthy: false, reason: 'ECONNREFUSED' });
  });
}
