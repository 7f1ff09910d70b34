// Probes against real peers on loopback: what is healthy, what is not and why, and that none outlives its signal.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, globSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { ProbeModule, ProbeResult } from '#model/probe.ts';
import { probeConnection } from './connection.ts';
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
  const shared = ['index', 'connection', 'http-question'];
  const modules = files.filter((file) => !shared.includes(file) && !file.endsWith('.test'));
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

test('http: statuses may be given one by one, as a class or as a range', async (t) => {
  const { check } = await startPeer(t, answer('', 204));
  for (const status of [204, '2xx', '200-204', '204-204', [200, '100-199', 204]])
    assert.deepEqual(await check('http', { status }), { healthy: true, reason: 'status 204' });
  for (const status of [200, '5xx', '200-203', '205-599', []])
    assert.deepEqual(await check('http', { status }), { healthy: false, reason: 'status 204' });
  for (const status of ['6xx', '204-200', '2x', '200-', 99, 600])
    assert.equal(moduleOf('http').options.safeParse({ status }).success, false, String(status));
});

test('http: fields of the response decide', async (t) => {
  const { check } = await startPeer(t, (socket) =>
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nX-State: up 7\r\nContent-Length: 0\r\n\r\n')),
  );
  const expecting = (fields: object) => check('http', { 'expect-headers': fields });
  assert.equal((await expecting({ 'X-State': 'up 7' })).healthy, true);
  assert.equal((await expecting({ 'x-state': { matches: '^up' } })).healthy, true);
  assert.deepEqual(await expecting({ 'x-state': 'up' }), {
    healthy: false,
    reason: 'the field x-state is not as expected: up 7',
  });
  assert.equal((await expecting({ 'x-state': { matches: '^down' } })).healthy, false);
  assert.deepEqual(await expecting({ 'x-other': { matches: '' } }), {
    healthy: false,
    reason: 'the field x-other is missing',
  });
});

test('http: the request is as it is told to be', async (t) => {
  const heads: string[] = [];
  const { check, port } = await startPeer(t, (socket) =>
    socket.once('data', (bytes: Buffer) => {
      heads.push(bytes.toString());
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    }),
  );
  await check('http', { method: 'head', path: '/up?full', host: 'site.test', headers: { 'X-Key': 'abc' } });
  await check('http', {});
  const [first = '', second = ''] = heads;
  assert.match(first, /^HEAD \/up\?full HTTP\/1\.1\r\n/);
  assert.match(first, /\r\nhost: site\.test\r\n/i);
  assert.match(first, /\r\nx-key: abc\r\n/i);
  assert.match(second, /^GET \/ HTTP\/1\.1\r\n/);
  assert.match(second, new RegExp(`\r\nhost: 127\\.0\\.0\\.1:${port}\r\n`, 'i'));
});

test('http: content in many small chunks is not looked at for each of them', async (t) => {
  const { check } = await startPeer(t, (socket) => {
    const chunks = '1\r\na\r\n'.repeat(20_000);
    socket.once('data', () => socket.end(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`));
  });
  const looks = t.mock.method(RegExp.prototype, 'test');
  assert.equal((await check('http', { 'body-matches': 'b$' }, 20_000)).reason, 'content is not as expected');
  const { length } = looks.mock.calls.filter((call) => (call.this as RegExp).source === 'b$');
  assert.ok(length > 0 && length < 2000, `${length} looks`);
});

test('http: content is healthy as soon as it holds what is expected', async (t) => {
  const { check } = await startPeer(t, (socket) => {
    socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nall is well'));
  });
  assert.deepEqual(await check('http', { body: 'is well' }), { healthy: true, reason: 'content as expected' });
});

test('http: text of any kind is sent as UTF-8', async (t) => {
  let head = '';
  const { check } = await startPeer(t, (socket) => {
    socket.once('data', (bytes) => {
      head = bytes.toString();
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    });
  });
  assert.equal((await check('http', { host: '€.example', headers: { 'x-place': 'café' } })).healthy, true);
  assert.match(head, /^host: €\.example\r\n/im);
  assert.match(head, /^x-place: café\r\n/im);
});

test('tcp: a protocol for ALPN has at most 255 bytes', () => {
  const { options } = moduleOf('tcp');
  assert.equal(options.safeParse({ tls: { alpn: ['é'.repeat(127)] } }).success, true);
  assert.equal(options.safeParse({ tls: { alpn: ['é'.repeat(128)] } }).success, false);
});

test('what fails inside a probe rejects it, and closes its connection', async (t) => {
  const ended = Promise.withResolvers<void>();
  const { port } = await startPeer(t, (socket) => void socket.resume().once('end', ended.resolve));
  const target = { host: '127.0.0.1', port, socketPath: '' };
  const result = probeConnection(target, undefined, AbortSignal.timeout(2000), () => {
    throw new Error('a fault of ours');
  });
  await assert.rejects(result, /a fault of ours/);
  await ended.promise;
});

test('http: what is no HTTP, or breaks off, is not healthy', async (t) => {
  const garbage = await startPeer(t, (socket) => void socket.end('220 mail.test ESMTP\r\n'));
  assert.match((await garbage.check('http', {})).reason, /^the answer is not HTTP: /);
  const early = await startPeer(t, (socket) => void socket.once('data', () => socket.end()));
  assert.equal((await early.check('http', {})).reason, 'the connection was closed early');
  const half = await startPeer(t, (socket) =>
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf')),
  );
  assert.deepEqual(await half.check('http', { body: 'whole' }), {
    healthy: false,
    reason: 'the connection was closed early',
  });
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
  assert.deepEqual(await check('command', { run: ['/no/such/program'] }), {
    healthy: false,
    reason: 'there is no such program',
  });
  assert.deepEqual(await check('command', { run: ['sh', '-c', 'kill -TERM $$'] }), {
    healthy: false,
    reason: 'the command ended with SIGTERM',
  });
});

for (const [how, script, reason] of [
  ['when the probe is given up', 'wait', 'timeout'],
  ['when it has ended', 'echo done', 'done'],
] as const) {
  test(`command: what it has started is killed too, ${how}`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'tidegate-probe-'));
    t.after(() => rm(folder, { recursive: true }));
    const file = join(folder, 'pid');
    const module = moduleOf('command');
    const run = ['sh', '-c', `sleep 600 & echo $! > ${file}.new; mv ${file}.new ${file}; ${script}`];
    const giveUp = new AbortController();
    const target = { host: '127.0.0.1', port: 1, socketPath: '' };
    const result = module.create(module.options.parse({ run })).check(target, giveUp.signal);
    while (!existsSync(file)) await delay(5);
    if (reason === 'timeout') giveUp.abort();
    assert.equal((await result).reason, reason);
    const pid = Number(await readFile(file, 'utf8'));
    assert.ok(pid > 0);
    await untilGone(pid);
  });
}

/** Resolves when no process has the number any more, or only its exit status is left. */
async function untilGone(pid: number): Promise<void> {
  for (;;) {
    const state = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
    if (state === '' || /\) [ZX] /.test(state)) return;
    await delay(5);
  }
}

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
    assert.deepEqual(result, { healthy: false, reason: 'connection refused' });
  });
}
