// TCP listeners: connections are passed on as they are, to the same upstreams, balancers and health as requests.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { connected } from '../support/connected.ts';
import { startTidegate, type TestGateway } from '../support/gateway.ts';
import { closedPort } from '../support/ports.ts';

interface TcpOrigin {
  readonly address: string;
  readonly sockets: Socket[];
  readonly server: Server;
}

async function startTcp(t: TestContext, serve: (socket: Socket) => void): Promise<TcpOrigin> {
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    serve(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { address: `127.0.0.1:${(server.address() as { port: number }).port}`, sockets, server };
}

const echo = (socket: Socket): void => void socket.pipe(socket);

function configuration(endpoints: readonly string[], more = ''): string {
  return `
listeners: { db: { address: '127.0.0.1:0', protocol: tcp, upstream: db } }
upstreams: { db: { endpoints: [${endpoints.map((address) => `'${address}'`).join(', ')}]${more} } }
`;
}

async function connectTo(t: TestContext, gateway: TestGateway): Promise<Socket> {
  const socket = connect({ port: gateway.port(), host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => {});
  t.after(() => socket.destroy());
  await connected(socket);
  return socket;
}

async function readAll(socket: Socket): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of socket as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts);
}

test('bytes pass both ways unchanged, each side may end before the other, and one record is written', async (t) => {
  const origin = await startTcp(t, echo);
  const gateway = await startTidegate(t, configuration([origin.address]));
  const client = await connectTo(t, gateway);
  const content = randomBytes(5_000_000);
  client.end(content);
  const back = await readAll(client);
  assert.equal(createHash('sha256').update(back).digest('hex'), createHash('sha256').update(content).digest('hex'));
  const [record] = await gateway.untilRecords(1);
  assert.equal(record?.version, 'tcp');
  assert.equal(record?.upstream, 'db');
  assert.equal(record?.endpoint, origin.address);
  assert.equal(record?.bytes_received, content.length);
  assert.equal(record?.bytes_sent, content.length);
  assert.equal(record?.ended_by, undefined);
  assert.equal(record?.closed_by, 'client');
});

test('bytes are counted as they pass, once, and shown by the status', async (t) => {
  const origin = await startTcp(t, echo);
  const gateway = await startTidegate(t, configuration([origin.address]));
  const client = await connectTo(t, gateway);
  client.write('hello');
  await once(client, 'data');
  const counts = () =>
    Promise.all(
      ['listener_received_bytes_total{listener="db"}', 'listener_sent_bytes_total{listener="db"}']
        .concat(
          ['received', 'sent'].map((way) => `upstream_${way}_bytes_total{upstream="db"}`),
          ['received', 'sent'].map((way) => `endpoint_${way}_bytes_total{upstream="db",endpoint="${origin.address}"}`),
        )
        .map((name) => gateway.metric(`tidegate_${name}`)),
    );
  assert.deepEqual(await counts(), [5, 5, 5, 5, 5, 5]);
  client.end();
  await gateway.untilRecords(1);
  assert.deepEqual(await counts(), [5, 5, 5, 5, 5, 5]);
  const { listeners } = await gateway.admin<{ listeners: readonly object[] }>('/status');
  const shown = { name: 'db', address: `127.0.0.1:${gateway.port()}`, protocol: 'tcp', connections: 0, accepted: 1 };
  assert.deepEqual(listeners, [{ ...shown, refused: 0, receivedBytes: 5, sentBytes: 5 }]);
});

test('a server that speaks first is heard', async (t) => {
  const origin = await startTcp(t, (socket) => void socket.write('220 ready\r\n'));
  const gateway = await startTidegate(t, configuration([origin.address]));
  const client = await connectTo(t, gateway);
  const [greeting] = (await once(client, 'data')) as [Buffer];
  assert.equal(greeting.toString(), '220 ready\r\n');
});

test('an endpoint that refuses is passed over, and what the client sent meanwhile is not lost', async (t) => {
  const origin = await startTcp(t, echo);
  const gateway = await startTidegate(t, configuration([`127.0.0.1:${await closedPort()}`, origin.address]));
  for (let turn = 0; turn < 4; turn++) {
    const client = await connectTo(t, gateway);
    client.end(`hello ${turn}`);
    assert.equal((await readAll(client)).toString(), `hello ${turn}`);
  }
});

test('a client that has ended its side before there was an endpoint is the one that closed the connection', async (t) => {
  const origin = await startTcp(t, echo);
  const endpoints = [`127.0.0.1:${await closedPort()}`, origin.address];
  const gateway = await startTidegate(t, configuration(endpoints, ', retry: { backoff: 500ms }'));
  // Of two in turn one is tried at the endpoint that refuses first.
  for (let turn = 0; turn < 2; turn++) {
    const client = await connectTo(t, gateway);
    client.end('hello');
    assert.equal((await readAll(client)).toString(), 'hello');
  }
  const records = await gateway.untilRecords(2);
  const late = records.filter(({ attempts }) => attempts === 2);
  assert.deepEqual(
    late.map(({ closed_by: who }) => who),
    ['client'],
  );
});

test('with no endpoint left the connection is reset, with a record that says why', async (t) => {
  const gateway = await startTidegate(t, configuration([`127.0.0.1:${await closedPort()}`]));
  const client = connect(gateway.port(), '127.0.0.1');
  const [error] = (await once(client, 'error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ECONNRESET');
  const [record] = await gateway.untilRecords(1);
  assert.equal(record?.ended_by, 'origin');
  assert.equal(record?.error, 'connection_refused');
});

test('connections are balanced like requests', async (t) => {
  const origins = [await startTcp(t, echo), await startTcp(t, echo)];
  const gateway = await startTidegate(
    t,
    configuration(
      origins.map(({ address }) => address),
      ', balancer: least-requests',
    ),
  );
  for (let count = 0; count < 10; count++) {
    const client = await connectTo(t, gateway);
    client.write('x');
    await once(client, 'data');
  }
  assert.deepEqual(
    origins.map(({ sockets }) => sockets.length),
    [5, 5],
  );
  const endpoint = `upstream="db",endpoint="${origins[0]?.address}"`;
  assert.equal(await gateway.metric(`tidegate_endpoint_in_flight{${endpoint}}`), 5);
  assert.equal(await gateway.metric(`tidegate_endpoint_connections_active{${endpoint}}`), 5);
});

test('a reset on one side is a reset on the other', async (t) => {
  const origin = await startTcp(t, (socket) => void socket.once('data', () => socket.resetAndDestroy()));
  const gateway = await startTidegate(t, configuration([origin.address]));
  const client = await connectTo(t, gateway);
  const error = once(client, 'error');
  client.write('x');
  assert.equal(((await error) as [NodeJS.ErrnoException])[0].code, 'ECONNRESET');
});

test('a connection in which nothing moves is closed after the configured time', async (t) => {
  const origin = await startTcp(t, echo);
  const gateway = await startTidegate(t, configuration([origin.address], ', timeouts: { tunnel-idle: 300ms }'));
  const client = await connectTo(t, gateway);
  client.write('x');
  assert.equal((await readAll(client)).toString(), 'x');
});

test('more connections than an endpoint may have are refused at once', async (t) => {
  const origin = await startTcp(t, echo);
  const gateway = await startTidegate(t, configuration([origin.address], ', pool: { max-connections: 2 }'));
  for (let count = 0; count < 2; count++) {
    const client = await connectTo(t, gateway);
    client.write('x');
    await once(client, 'data');
  }
  const third = await connectTo(t, gateway);
  if (!third.closed) await new Promise((resolve) => third.on('close', resolve));
  assert.equal((await gateway.untilRecords(1))[0]?.error, 'connection_limit_reached');
});

test('open connections outlive a reload, and all counts return to zero', async (t) => {
  const origin = await startTcp(t, echo);
  const gateway = await startTidegate(t, configuration([origin.address]));
  const client = await connectTo(t, gateway);
  client.write('before');
  await once(client, 'data');
  await gateway.write(configuration([origin.address], ', panic-threshold: 10%'));
  await gateway.untilAdmin<{ generation: number }>('/status', ({ generation }) => generation > 1);
  client.end('after');
  assert.equal((await readAll(client)).toString(), 'after');
  await gateway.untilRecords(1);
  const endpoint = `upstream="db",endpoint="${origin.address}"`;
  for (const metric of [
    'tidegate_listener_connections_active{listener="db"}',
    'tidegate_listener_exchanges_active{listener="db"}',
    `tidegate_endpoint_in_flight{${endpoint}}`,
    `tidegate_endpoint_connections_active{${endpoint}}`,
    'tidegate_deadlines',
  ]) {
    while ((await gateway.metric(metric)) !== 0) await new Promise((resolve) => setTimeout(resolve, 20));
  }
});
