// A worker that dies is replaced, what it counted as present is given back, and the gateway serves on.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startGateway } from '#server/gateway.ts';
import { startOrigin } from '../support/origin.ts';
import { connectRaw, exchange } from '../support/raw-client.ts';
import { rememberWorkers } from '../support/workers.ts';

interface Status {
  readonly workers: readonly { readonly state: string }[];
}

test('a dead worker is replaced, and its share of the counts with it', async (t) => {
  const workers = rememberWorkers(t);
  const origin = await startOrigin(t, ({ target }) =>
    target === '/stuck' ? undefined : 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  );
  const gateway = await startGateway({
    signals: false,
    logLevel: 'error',
    configuration: {
      version: 1,
      workers: 2,
      admin: { address: '127.0.0.1:0' },
      listeners: { web: { address: '127.0.0.1:0' } },
      logs: { access: { to: 'off' } },
      routes: [{ name: 'all', match: { path: '/*' }, upstream: 'app' }],
      upstreams: { app: { endpoints: [origin.address] } },
    },
  });
  t.after(() => gateway.stop(0));
  const port = gateway.listeners[0]?.port ?? 0;
  const admin = async <T>(path: string): Promise<T> => {
    const response = await fetch(`http://${gateway.adminAddress}${path}`);
    return (path === '/metrics' ? await response.text() : await response.json()) as T;
  };
  const inFlight = async () =>
    Number(/^tidegate_endpoint_in_flight\{.*\} (\d+)$/m.exec(await admin<string>('/metrics'))?.[1]);

  // Enough connections that both workers have some of them.
  const sockets = Array.from({ length: 32 }, () => connect(port, '127.0.0.1').on('error', () => {}));
  for (const socket of sockets) socket.write('GET /stuck HTTP/1.1\r\nHost: a\r\n\r\n');
  while ((await inFlight()) < 32) await new Promise((resolve) => setTimeout(resolve, 20));
  const [first] = workers;
  assert.ok(first);
  await first.terminate();
  while (workers.length < 3) await new Promise((resolve) => setTimeout(resolve, 20));
  await untilReady(gateway.adminAddress);
  const left = await inFlight();
  assert.ok(left > 0 && left < 32, `${left}`);
  for (let turn = 0; turn < 16; turn++) {
    assert.equal((await exchange(t, port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')).status, 200);
  }
  for (const socket of sockets) socket.destroy();
  while ((await inFlight()) > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  const client = await connectRaw(t, port);
  assert.equal((await client.request('GET / HTTP/1.1\r\nHost: a\r\n\r\n')).status, 200);
});

test('a configuration that changes while a worker is replaced reaches the new worker too', async (t) => {
  const workers = rememberWorkers(t);
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-test-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'tidegate.yaml');
  await writeFile(file, answering(0));
  const gateway = await startGateway({ signals: false, logLevel: 'error', file });
  t.after(() => gateway.stop(0));
  await workers[0]?.terminate();
  let step = 0;
  let isReady = false;
  // One reload behind the other, so that some come between the start of the worker and its first configuration.
  void untilReady(gateway.adminAddress, () => workers.length > 2).then(() => {
    isReady = true;
  });
  while (!isReady) {
    await writeFile(file, answering(++step));
    assert.deepEqual((await gateway.reload()).problems, []);
  }
  const port = gateway.listeners[0]?.port ?? 0;
  for (let turn = 0; turn < 32; turn++) {
    assert.equal((await exchange(t, port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')).body, String(step));
  }
});

function answering(step: number): string {
  return `
version: 1
workers: 2
admin: { address: '127.0.0.1:0' }
listeners: { web: { address: '127.0.0.1:0' } }
logs: { access: { to: 'off' } }
routes: [{ name: all, match: { path: /* }, respond: { body: '${step}' } }]
`;
}

async function untilReady(adminAddress: string, also = () => true): Promise<void> {
  for (;;) {
    const status = (await (await fetch(`http://${adminAddress}/status`)).json()) as Status;
    if (also() && status.workers.every(({ state }) => state === 'ready')) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
