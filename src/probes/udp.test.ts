// The udp probe against real peers on loopback.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import dns from 'node:dns/promises';
import { once } from 'node:events';
import { syncBuiltinESMExports } from 'node:module';
import { type TestContext, test } from 'node:test';
import type { ProbeTarget } from '#model/probe.ts';
import { udp } from './udp.ts';

/** An endpoint that gives each datagram to `answer`, and sends back what that returns. */
async function startPeer(t: TestContext, answer: (datagram: Buffer) => Buffer | undefined): Promise<ProbeTarget> {
  const socket = createSocket('udp4');
  socket.on('message', (datagram, { port, address }) => {
    const bytes = answer(datagram);
    if (bytes) socket.send(bytes, port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  t.after(() => socket.close());
  return { host: '127.0.0.1', port: socket.address().port, socketPath: '' };
}

function check(target: ProbeTarget, options: object, signal = AbortSignal.timeout(2000)) {
  return udp.create(udp.options.parse(options)).check(target, signal);
}

test('any answer is enough, or one that contains what is expected', async (t) => {
  const target = await startPeer(t, (datagram) => Buffer.concat([Buffer.from([0, 255]), datagram]));
  assert.deepEqual(await check(target, { send: 'ping' }), { healthy: true, reason: 'answered' });
  assert.equal((await check(target, { send: 'ping', expect: 'pi' })).healthy, true);
  assert.equal((await check(target, { send: { hex: '01 02' }, expect: { hex: 'ff01' } })).healthy, true);
  assert.deepEqual(await check(target, { send: 'ping', expect: 'pong' }), {
    healthy: false,
    reason: 'the answer lacks the expected text',
  });
});

test('an endpoint that is silent is not healthy, nor is one that refuses', async (t) => {
  const silent = await startPeer(t, () => undefined);
  const abort = new AbortController();
  const result = check(silent, { send: 'ping' }, abort.signal);
  setImmediate(() => abort.abort());
  assert.deepEqual(await result, { healthy: false, reason: 'timeout' });
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  assert.deepEqual(await check({ ...silent, port }, { send: 'ping' }), { healthy: false, reason: 'ECONNREFUSED' });
});

test('a datagram begins with the PROXY header that the endpoint wants', async (t) => {
  const target = await startPeer(t, (datagram) => datagram);
  const header = Buffer.from('header ');
  assert.equal((await check({ ...target, proxyHeader: header }, { send: 'x', expect: 'header x' })).healthy, true);
});

test('a name that is none, or a Unix socket, is not healthy', async () => {
  const unknown = await check({ host: 'no.such.invalid', port: 9, socketPath: '' }, { send: 'x' });
  assert.equal(unknown.healthy, false);
  assert.match(unknown.reason, /^(?:ENOTFOUND|EAI_AGAIN)$/);
  assert.match((await check({ host: '', port: 0, socketPath: '/x' }, { send: 'x' })).reason, /Unix socket/);
});

test('a lookup that does not end costs no more than the timeout', async (t) => {
  t.mock.method(dns, 'lookup', () => new Promise(() => {}));
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
  const abort = new AbortController();
  const result = check({ host: 'slow.invalid', port: 9, socketPath: '' }, { send: 'x' }, abort.signal);
  abort.abort();
  assert.deepEqual(await result, { healthy: false, reason: 'timeout' });
});

test('bytes in hexadecimal have two digits each', () => {
  for (const hex of ['', '0', '0g', '0 0']) assert.equal(udp.options.safeParse({ send: { hex } }).success, false, hex);
});
